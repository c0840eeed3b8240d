"""Trained networks as a generator sees them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from generators.generated import Generated


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """Networks and what they score.

    Attributes:
        networks: weights and connectivity.
        scores: validation score of each, higher is better.
    """

    networks: Generated
    scores: Float[Tensor, " networks"]

    def __len__(self) -> int:
        return len(self.networks)
