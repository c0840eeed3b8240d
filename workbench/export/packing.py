"""Rounded weights as small tensors for a file, and back; see ``docs/formats.md``."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Int8, UInt8
from torch import Tensor

from generators.rounding import LEVELS, WeightsAs, from_levels, to_levels
from search_spaces import Blueprint, WeightloomError

# dimension names: numbers = entries of a tensor

WEIGHTS, SCALES = "weights.", "scales."
_MIDDLE = 8
"""Four bits hold a number from -7 to 7 plus this; 0 is in no number and fills an odd last byte."""


def packed(state: Mapping[str, Tensor], weights_as: WeightsAs) -> dict[str, Tensor]:
    """Tensors for a file, from weights that were not rounded yet.

    Args:
        state: named tensors, 32-bit floats.
        weights_as: what tensors of two or more axes become.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if weights_as == "float32" or tensor.dim() < 2:
            found[WEIGHTS + name] = tensor
        elif weights_as == "bf16":
            found[WEIGHTS + name] = tensor.to(torch.bfloat16)
        else:
            whole, scale = to_levels(tensor, LEVELS[weights_as])
            found[WEIGHTS + name] = whole if weights_as == "int8" else two_a_byte(whole)
            found[SCALES + name] = scale
    return found


def unpacked(tensors: Mapping[str, Tensor], blueprint: Blueprint, weights_as: WeightsAs) -> dict[str, Tensor]:
    """The named tensors as 32-bit floats; the inverse of `packed` but for the rounding.

    Raises:
        WeightloomError: a tensor or its scales are missing, of another type or shape, or hold what cannot be.
    """
    state = {k.removeprefix(WEIGHTS): t for k, t in tensors.items() if k.startswith(WEIGHTS)}
    scales = {k.removeprefix(SCALES): t for k, t in tensors.items() if k.startswith(SCALES)}
    shapes = {spec.name: spec.shape for spec in blueprint.parameters}
    wide = {name for name, shape in shapes.items() if len(shape) > 1} if weights_as != "float32" else set()
    if set(scales) != (wide if weights_as in LEVELS else set()):
        raise WeightloomError(f"scales of {sorted(scales)}, expected those of the weights kept as {weights_as}")
    for name in wide & set(state):
        if weights_as == "bf16":
            _check(name, state[name], torch.bfloat16, shapes[name])
            state[name] = state[name].float()
            continue
        scale, whole = scales[name], state[name]
        _check(f"the scale of {name}", scale, torch.float32, shapes[name][:1])
        if not bool((torch.isfinite(scale) & (scale >= 0)).all()):
            raise WeightloomError(f"scales of {name} that are negative or not finite")
        if weights_as == "int4":
            _check(name, whole, torch.uint8, (math.ceil(math.prod(shapes[name]) / 2),))
            whole = one_a_byte(whole, shapes[name])
        _check(name, whole, torch.int8, shapes[name])
        if bool((whole.short().abs() > LEVELS[weights_as]).any()):
            raise WeightloomError(f"{name} with numbers beyond {LEVELS[weights_as]}")
        state[name] = from_levels(whole, scale)
    return state


def two_a_byte(whole: Int8[Tensor, ...]) -> UInt8[Tensor, " bytes"]:
    """Numbers from -7 to 7 in order, the first of two in the lower half of a byte."""
    numbers = (whole.flatten() + _MIDDLE).to(torch.uint8)
    numbers = torch.cat([numbers, numbers.new_zeros(len(numbers) % 2)])
    return numbers[::2] | (numbers[1::2] << 4)


def one_a_byte(data: UInt8[Tensor, " bytes"], shape: tuple[int, ...]) -> Int8[Tensor, ...]:
    """The inverse of `two_a_byte`; a half that holds no number becomes -8."""
    numbers = torch.stack([data & 15, data >> 4], 1).flatten()
    if bool(numbers[math.prod(shape) :].any()):
        raise WeightloomError("a last byte whose empty half is not 0")
    return (numbers[: math.prod(shape)].to(torch.int8) - _MIDDLE).view(shape)


def _check(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise WeightloomError(f"{name} as {tensor.dtype} {tuple(tensor.shape)}, expected {dtype} {shape}")
