"""A copy of the nearest training network: fidelity without anything new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from generators.adaptation import adapt
from generators.baselines.base import FittedBaseline
from generators.baselines.parts import best, draw_numbers
from generators.collection import Collection
from generators.generator import GeneratorConfig
from search_spaces import Blueprint


class RetrieveConfig(GeneratorConfig):
    """Settings of ``retrieve``."""

    k: int = Field(default=1, ge=1, description="nearest networks that the latent picks one of")


class RetrieveBaseline(FittedBaseline):
    """The training network of the nearest architecture, cut and padded to the target (see ``adapt``).

    Among networks of equally near architectures the one with the best score is nearest. With ``k`` of 1,
    which is what tuning leaves, every latent gives the same network.
    """

    name: ClassVar[str] = "retrieve"
    Config: ClassVar[type[GeneratorConfig]] = RetrieveConfig
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]] = {"k": (1,)}

    @property
    def settings(self) -> RetrieveConfig:
        """Its settings."""
        assert isinstance(self.config, RetrieveConfig)
        return self.config

    def choose(self, scores: Sequence[float]) -> int:
        """The highest score."""
        return best(scores)

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """One standard normal number each, ``[networks, 1]``; its quantile picks among the ``k`` nearest."""
        return draw_numbers(seeds, 1)

    def draw(self, source: Collection, target: Blueprint, latent: Tensor) -> tuple[Tensor, Tensor]:
        """The picked network, adapted."""
        nearest = self.nearest(target, self.settings.k)
        adapted = adapt(source, target, nearest)
        quantile = torch.special.ndtr(latent[:, 0])
        pick = (quantile * len(nearest)).long().clamp_max(len(nearest) - 1)
        return adapted.values[pick], adapted.gates[pick]
