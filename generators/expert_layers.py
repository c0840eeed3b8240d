"""Layers that exist several times side by side, of which each network of a batch passes through one."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# dimension names: networks, tokens as in generators.tokens; experts = layers side by side

Chosen = Int[Tensor, " networks"] | None
"""Which expert each network passes through; None where there is one only."""


class ExpertLinear(nn.Module):
    """``experts`` linear layers (Jacobs et al. 1991, Adaptive mixtures of local experts), chosen and not blended.

    Args:
        experts: how many.
        inputs, outputs: of each.
        std: of the initial weights, biases then start at 0; by default as ``nn.Linear``.
    """

    def __init__(self, experts: int, inputs: int, outputs: int, std: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(experts, outputs))
        if std is None:
            bound = 1 / math.sqrt(inputs)
            nn.init.uniform_(self.weight, -bound, bound)
            nn.init.uniform_(self.bias, -bound, bound)
        else:
            nn.init.normal_(self.weight, std=std)

    def forward(self, x: Float[Tensor, "*any tokens inputs"], chosen: Chosen) -> Float[Tensor, "*any tokens outputs"]:
        """Each network's tokens through its expert."""
        if chosen is None:
            return nn.functional.linear(x, self.weight.flatten(0, 1), self.bias.flatten())  # views: gradients uncopied
        return torch.baddbmm(self.bias[chosen][:, None], x, self.weight[chosen].mT)


class ExpertNorm(nn.Module):
    """Layer norms that share their statistics and differ in scale and shift."""

    def __init__(self, experts: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(experts, width))
        self.bias = nn.Parameter(torch.zeros(experts, width))

    def forward(self, x: Float[Tensor, "*any tokens width"], chosen: Chosen) -> Float[Tensor, "*any tokens width"]:
        """Each network's tokens through its expert."""
        if chosen is None:
            return nn.functional.layer_norm(x, x.shape[-1:], self.weight.flatten(), self.bias.flatten())
        normed = nn.functional.layer_norm(x, x.shape[-1:])
        return torch.addcmul(self.bias[chosen][:, None], normed, self.weight[chosen][:, None])
