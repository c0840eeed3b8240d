"""Layers of vectors, and functions without parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Node
from search_spaces.layers.norms import flat_norm, normed

# dimension names: batch = examples, inputs = values of one example, width = neurons of a node

ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "none": lambda z: z,
}


class Dense(nn.Module):
    """Linear, then the norm over the open neurons if asked for, then the activation."""

    def __init__(self, node: Node, inputs: int) -> None:
        super().__init__()
        width = int(node["width"])
        self.linear = nn.Linear(inputs, width)
        self.norm = flat_norm(str(node["norm"]), width)
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs"],
        open_neurons: Bool[Tensor, " width"] | Float[Tensor, " width"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """``open_neurons`` False or 0 means the neuron is gone: it puts out zero and no norm counts it."""
        h = ACTIVATION_FUNCTIONS[self.activation](normed(self.norm, self.linear(z), open_neurons))
        return h if open_neurons is None else h * open_neurons


class GatedDense(nn.Module):
    """A linear layer times an activated one, then the norm."""

    def __init__(self, node: Node, inputs: int) -> None:
        super().__init__()
        width = int(node["width"])
        self.linear = nn.Linear(inputs, width)
        self.gate = nn.Linear(inputs, width)
        self.norm = flat_norm(str(node["norm"]), width)
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs"],
        open_neurons: Bool[Tensor, " width"] | Float[Tensor, " width"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """The gated values; ``open_neurons`` as in `Dense`."""
        h = self.linear(z) * ACTIVATION_FUNCTIONS[self.activation](self.gate(z))
        h = normed(self.norm, h, open_neurons)
        return h if open_neurons is None else h * open_neurons


class Pointwise(nn.Module):
    """A function without parameters."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        """Apply it."""
        return self.function(z)
