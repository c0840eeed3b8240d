"""Files that are whole or absent, as `search_spaces.files` writes and reads them."""

from search_spaces.files import read_bytes, read_json, sha256, write_bytes, write_json, write_text, writing

__all__ = ["read_bytes", "read_json", "sha256", "write_bytes", "write_json", "write_text", "writing"]
