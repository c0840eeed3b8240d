"""Which networks a zoo is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from search_spaces import Blueprint
from workbench.zoo.train import Recipe

CHECKPOINTS = 8
"""Steps of one training that are kept in a trajectory zoo, over its second half (compare Peebles et al. 2022,
arXiv:2209.12892, whose generators learn from checkpoints along training)."""
Kind = Literal["shared-base", "independent", "trajectory"]


class ZooConfig(BaseModel):
    """Which networks are really trained; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        default="shared-base",
        description="training networks start from one shared tensor, or each from its own (independent), or are "
        f"{CHECKPOINTS} steps each of fewer trainings (trajectory)",
    )
    pool: int = Field(default=512, ge=4, description="training architectures")
    networks: int = Field(default=160, ge=4, description="of which so many are trained, one network each")
    validation: int = Field(default=8, ge=2, description="validation architectures")
    test: int = Field(default=16, ge=2, description="test architectures")
    seeds: int = Field(default=4, ge=2, description="networks really trained for each of the last two, independently")
    sparse_share: float = Field(default=0.5, ge=0, le=1, description="share of training networks that are pruned")
    least_density: float = Field(default=0.4, gt=0, le=1, description="smallest share of neurons left by pruning")
    recipe: Recipe = Field(default=Recipe(steps=600), description="of the training networks")
    real_recipe: Recipe = Field(default=Recipe(steps=1200), description="of the yardstick: long enough to converge")
    doubled: int = Field(
        default=8,
        ge=0,
        description="test architectures of which one network is trained once more for twice as long: what that gains "
        "tells whether the yardstick has converged",
    )
    token_width: int = Field(default=64, ge=1, le=65536)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _whole_trainings(self) -> ZooConfig:
        if self.networks % self.checkpoints:
            raise ValueError(f"networks a multiple of {CHECKPOINTS} for a trajectory zoo, not {self.networks}")
        return self

    @property
    def trainings(self) -> int:
        """Training architectures that are really trained."""
        return min(self.networks // self.checkpoints, self.pool)

    @property
    def checkpoints(self) -> int:
        """Training networks from each of them."""
        return CHECKPOINTS if self.kind == "trajectory" else 1

    def trained(self, pool: Sequence[Blueprint]) -> list[Blueprint]:
        """The blueprint of each training network, out of the training architectures."""
        return [blueprint for blueprint in pool[: self.trainings] for _ in range(self.checkpoints)]
