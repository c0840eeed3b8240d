"""Layers that mix positions: attention, embeddings of positions, recurrence."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Node
from search_spaces.layers.norms import NORM_EPS
from search_spaces.operations import Shape
from search_spaces.operations.mixing import REACH


class Attention(nn.Module):
    """Self-attention over all positions of a sequence or image; heads of ``size`` channels each."""

    def __init__(self, node: Node, shape: Shape, size: int, channels: int) -> None:
        super().__init__()
        length = math.prod(shape[1:])
        self.heads, self.kind = int(node["heads"]), str(node["kind"])
        self.query, self.key, self.value = (nn.Linear(shape[0], self.heads * size) for _ in range(3))
        self.out = nn.Linear(self.heads * size, channels)
        apart = torch.arange(length)[:, None] - torch.arange(length)
        hidden = {"causal": apart < 0, "local": apart.abs() > REACH}.get(self.kind)
        if hidden is not None:
            mask = torch.zeros(length, length).masked_fill(hidden, -math.inf)
            self.register_buffer("mask", mask, persistent=False)

    def forward(self, z: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """What each position gathers from the others."""
        tokens = z.flatten(2).transpose(1, 2)
        query, key, value = (
            part(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        if self.kind == "linear":
            query, key = functional.elu(query) + 1, functional.elu(key) + 1
            total = query @ key.sum(-2)[..., None]
            mixed = query @ (key.transpose(-2, -1) @ value) / (total + NORM_EPS)
        else:
            weight = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
            weight = weight if self.kind == "full" else weight + self.mask
            mixed = weight.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(-1, z.shape[2:])


class PositionEmbedding(nn.Module):
    """A learned vector for each position, a row each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(math.prod(shape[1:]), shape[0]) / math.sqrt(shape[0]))

    def forward(self, z: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """Positions told apart."""
        return z + self.weight.T.unflatten(-1, z.shape[2:])


class Recurrent(nn.Module):
    """Gated recurrent unit from two linear layers, a loop over positions."""

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        self.width = int(node["width"])
        self.inward = nn.Linear(shape[0], 3 * self.width)
        self.onward = nn.Linear(self.width, 3 * self.width)

    def forward(self, z: Float[Tensor, "batch channels length"]) -> Float[Tensor, "batch width length"]:
        """The state after each position."""
        steps = self.inward(z.transpose(1, 2)).unbind(1)
        state = torch.zeros_like(steps[0][..., : self.width])
        states = []
        for step in steps:
            reset, update, new = step.chunk(3, -1)
            again_reset, again_update, again_new = self.onward(state).chunk(3, -1)
            keep = torch.sigmoid(update + again_update)
            fresh = torch.tanh(new + torch.sigmoid(reset + again_reset) * again_new)
            state = (1 - keep) * fresh + keep * state
            states.append(state)
        return torch.stack(states, -1)
