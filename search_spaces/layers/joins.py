"""Several values to one, and channels chosen of one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Join(nn.Module):
    """Several values to one."""

    def __init__(self, operation: str) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum, product or concatenation of ``parts``."""
        if self.operation == "concat":
            return torch.cat(list(parts), 1)
        total = parts[0]
        for part in parts[1:]:
            total = total + part if self.operation == "add" else total * part
        return total


class Select(nn.Module):
    """The channels at the given places of the input, zeros for a place of -1."""

    index: Tensor

    def __init__(self, inputs: int, places: Sequence[int]) -> None:
        super().__init__()
        self.places = tuple(places)
        self.pads = -1 in places
        index = torch.tensor([inputs if place < 0 else place for place in places], dtype=torch.long)
        self.register_buffer("index", index, persistent=False)

    def forward(self, z: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """The chosen channels."""
        if self.pads:  # one channel of zeros behind the others
            z = functional.pad(z, (*(0, 0) * (z.dim() - 2), 0, 1))
        return z.index_select(1, self.index)
