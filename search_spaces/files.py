"""Files that are whole or absent: atomic writes, checksums, JSON with clear errors."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from search_spaces.errors import DamagedFile, WeightloomError


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` so that a reader sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, which is flushed to disk and renamed over ``path``;
    then the folder is flushed, so that the new name survives a power cut. Missing folders are made.

    Raises:
        WeightloomError: the folder or file cannot be written.
    """
    with writing(path) as stream:
        stream.write(data)
    return Path(path)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A stream to write a file with, piece by piece, as `write_bytes` does: the file is there once it is left.

    Raises:
        WeightloomError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise WeightloomError(
            f"cannot write {path}: expected a writable folder with free space, got {error.strerror}; "
            "choose another folder or free it"
        ) from error


def write_text(path: str | Path, text: str) -> Path:
    """Write ``text`` as UTF-8, atomically like `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, obj: Any) -> Path:
    """Write ``obj`` as indented JSON, atomically like `write_bytes`.

    JSON has no NaN and no infinity: both are written as ``null`` and read back as ``None``. Tuples become
    lists, paths become strings, numpy and torch numbers and arrays become numbers and lists.
    """
    return write_text(path, json.dumps(_plain(obj), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path, remedy: str = "check the path") -> Any:
    """Read one JSON file.

    Args:
        path: the file.
        remedy: what the user can do if the file does not exist; ends the message.

    Raises:
        WeightloomError: no such file, or not readable.
        DamagedFile: the content is not JSON in UTF-8 (``NaN`` and ``Infinity`` are no JSON).
    """
    path = Path(path)
    try:
        return json.loads(path.read_bytes().decode("utf-8"), parse_constant=_no_constant)
    except FileNotFoundError as error:
        raise WeightloomError(f"{path}: expected a JSON file, got none there; {remedy}") from error
    except OSError as error:
        raise WeightloomError(
            f"{path}: expected a readable JSON file, got {error.strerror}; check the path and its permissions"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DamagedFile(
            f"{path}: expected JSON in UTF-8, got damage ({error}); restore the file or make it again"
        ) from error


def read_bytes(path: str | Path, what: str = "file", remedy: str = "check the path and its permissions") -> bytes:
    """The bytes of one file.

    Args:
        path: the file.
        what: what it should be, for the message.
        remedy: what the user can do if it cannot be read; ends the message.

    Raises:
        WeightloomError: no such file, or not readable.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise WeightloomError(f"{path}: expected a {what}, got {error.strerror}; {remedy}") from error


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        WeightloomError: the file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightloomError(
            f"{path}: expected a readable file, got {error.strerror}; check the path and its permissions"
        ) from error


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # other systems cannot open a folder, and flush its entry with the file
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if value - value == 0 else None  # NaN - NaN and inf - inf are NaN
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value
