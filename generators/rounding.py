"""Weights in fewer bits: 16-bit floats, or whole numbers with one scale a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from generators.generated import Generated
from search_spaces import RunFailed

# dimension names: rows = output neurons or filters of one tensor

WeightsAs = Literal["float32", "bf16", "int8", "int4"]
"""How weights are kept: tensors of two or more axes; biases and norms are few and stay 32-bit floats."""
WEIGHTS_AS: tuple[WeightsAs, ...] = get_args(WeightsAs)
LEVELS: Mapping[WeightsAs, int] = {"int8": 127, "int4": 7}
"""Whole numbers go from minus this to this, so that zero and the sign are exact."""


def to_levels(
    weight: Float[Tensor, "rows ..."], levels: int
) -> tuple[Int8[Tensor, "rows ..."], Float[Tensor, " rows"]]:
    """Whole numbers q and scales s with weight ~ s q, row by row, symmetric around zero.

    Equation 1 of Jacob et al. 2018 (arXiv:1712.05877) with zero point 0 and the greatest magnitude of a row as its
    range; per row instead of per tensor as in Krishnamoorthi 2018 (arXiv:1806.08342, section 3.1.3). An entry moves by
    half a scale at most. A row of zeros has the scale 0.
    """
    scale = weight.flatten(1).abs().amax(1) / levels
    sides = (-1, *[1] * (weight.dim() - 1))
    whole = (weight / torch.where(scale > 0, scale, 1.0).view(sides)).round().clamp(-levels, levels)
    return whole.to(torch.int8), scale


def from_levels(whole: Int8[Tensor, "rows ..."], scale: Float[Tensor, " rows"]) -> Float[Tensor, "rows ..."]:
    """The weights s q."""
    return whole.to(scale.dtype) * scale.view(-1, *[1] * (whole.dim() - 1))


def rounded(generated: Generated, weights_as: WeightsAs) -> Generated:
    """The networks with the values that their weights have after they were kept so; ``float32`` changes nothing.

    Raises:
        RunFailed: a weight is not finite.
    """
    if weights_as == "float32":
        return generated
    states = (generated.state_dict(i) for i in range(len(generated)))
    return generated.with_states(
        [{name: _rounded(name, tensor, weights_as) for name, tensor in state.items()} for state in states]
    )


def _rounded(name: str, tensor: Tensor, weights_as: WeightsAs) -> Tensor:
    if not bool(torch.isfinite(tensor).all()):
        raise RunFailed(f"rounding: {name} has values that are not finite; keep such a network as float32")
    if tensor.dim() < 2:
        return tensor
    if weights_as == "bf16":
        return tensor.to(torch.bfloat16).to(tensor.dtype)
    return from_levels(*to_levels(tensor, LEVELS[weights_as]))
