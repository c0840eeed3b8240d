"""Tensors and a JSON document in one file that tells whether it is whole: a checksum, then safetensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from generators.folders import plain
from generators.tensor_files import read_metadata, read_tensors
from search_spaces import DamagedFile, WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import read_bytes, write_bytes

KEY = "weightloom"
"""Of the metadata, which holds the document."""
_HEAD = 64  # hexadecimal digits of the checksum, before all else


def write_sealed(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write both, atomically.

    Raises:
        WeightloomError: the file cannot be written.
    """
    data = save(plain(tensors), {KEY: json.dumps(document)})
    write_bytes(path, hashlib.sha256(data).hexdigest().encode() + data)


def read_sealed(path: Path, what: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_sealed` wrote, in memory.

    Args:
        path: of the file.
        what: it should be, for the message.
        remedy: ends the message.

    Raises:
        WeightloomError: there is no such file.
        DamagedFile: it was altered.
    """
    data = read_bytes(path, what, remedy)
    body = data[_HEAD:]
    if hashlib.sha256(body).hexdigest().encode() != data[:_HEAD]:
        raise DamagedFile(f"{path}: expected a whole {what}, got an altered file; {remedy}")
    try:
        document, tensors = read_metadata(body, KEY), read_tensors(body)
    except WeightloomError as error:
        raise DamagedFile(f"{path}: expected a {what}, got {in_one_line(error)}; {remedy}") from error
    if not isinstance(document, dict):
        raise DamagedFile(f"{path}: expected a {what}, got no object in its metadata; {remedy}")
    return tensors, document
