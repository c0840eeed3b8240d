"""Tensors from outside: safetensors, read so that a hostile file costs no more than its own size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import open_regular
from search_spaces.plain_data import parse_json

_LENGTH = 8
"""Bytes that say how long the header is, before it."""
_UNREADABLE = (SafetensorError, ValueError, RuntimeError, KeyError, AssertionError, TypeError)


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.

    Raises:
        WeightloomError: cut off, longer than its header says, tensors that overlap, a type that torch does not have.
    """
    read_header(data)
    try:
        return load(data)
    except _UNREADABLE as error:
        raise WeightloomError(f"tensors that cannot be read ({in_one_line(error, 200)})") from error


def map_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped: they are read where they are looked at, and nothing is written back.

    The file must not be cut while they are in use, or the system ends the process; to replace it by another is safe.

    Raises:
        WeightloomError: as `read_tensors`, or it cannot be opened.
    """
    try:
        with open_regular(path) as stream:
            total = os.fstat(stream.fileno()).st_size
            head = stream.read(_LENGTH)
            if (size := int.from_bytes(head, "little")) <= total:
                head += stream.read(size)
            read_header(head, total)
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except OSError as error:
        raise WeightloomError(f"{path}: expected a readable safetensors file, got {error.strerror}") from error
    except _UNREADABLE as error:
        raise WeightloomError(f"tensors that cannot be read ({in_one_line(error, 200)})") from error


def read_header(data: bytes, total: int | None = None) -> dict[str, Any]:
    """The header of a safetensors file: name → type, shape and place of each tensor, and ``__metadata__``.

    Args:
        data: the file, at least to the end of the header.
        total: bytes of the whole file; by default those of ``data``.

    Raises:
        WeightloomError: it is longer than the file, or no JSON as `parse_json` wants it.
    """
    total = len(data) if total is None else total
    size = int.from_bytes(data[:_LENGTH], "little")
    if len(data) < _LENGTH or size > total - _LENGTH:
        raise WeightloomError(f"a header of {size} bytes in a file of {total}")
    try:
        header = parse_json(data[_LENGTH : _LENGTH + size].decode())
    except ValueError as error:
        raise WeightloomError(f"a header that is no JSON ({str(error)[:200]})") from error
    if not isinstance(header, dict):
        raise WeightloomError(f"a header that is a {type(header).__name__} and no object")
    return header


def read_metadata(data: bytes, key: str) -> Any:
    """The JSON that a safetensors file holds in one key of its metadata.

    Raises:
        WeightloomError: there is no such key, or no JSON in it.
    """
    metadata = read_header(data).get("__metadata__")
    text = metadata.get(key) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise WeightloomError(f"no metadata {key!r}")
    try:
        return parse_json(text)
    except ValueError as error:
        raise WeightloomError(f"metadata {key!r} that is no JSON ({str(error)[:200]})") from error


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Check that no number is NaN or infinite; raises ``WeightloomError`` naming the first tensor with one."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            raise WeightloomError(f"numbers in {name} that are not finite")
