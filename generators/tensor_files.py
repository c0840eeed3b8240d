"""Tensors from outside: safetensors in memory, read so that a hostile file costs no more than its own size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.plain_data import parse_json

_LENGTH = 8
"""Bytes that say how long the header is, before it."""


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.

    Raises:
        WeightloomError: cut off, longer than its header says, tensors that overlap, a type that torch does not have.
    """
    read_header(data)
    try:
        return load(data)
    except (SafetensorError, ValueError, RuntimeError, KeyError, AssertionError, TypeError) as error:
        raise WeightloomError(f"tensors that cannot be read ({in_one_line(error, 200)})") from error


def read_header(data: bytes) -> dict[str, Any]:
    """The header of a safetensors file: name → type, shape and place of each tensor, and ``__metadata__``.

    Raises:
        WeightloomError: it is longer than the file, or no JSON as `parse_json` wants it.
    """
    size = int.from_bytes(data[:_LENGTH], "little")
    if len(data) < _LENGTH or size > len(data) - _LENGTH:
        raise WeightloomError(f"a header of {size} bytes in a file of {len(data)}")
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
