"""A diagonal Gaussian over the weights of near training networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from generators.adaptation import adapt
from generators.baselines.base import FittedBaseline
from generators.baselines.parts import best, by_role, draw_tokens, majority_gates
from generators.collection import Collection
from generators.generator import GeneratorConfig
from search_spaces import Blueprint


class GaussianConfig(GeneratorConfig):
    """Settings of ``gaussian``."""

    m: int = Field(default=4, ge=1, description="nearest architectures whose networks are counted")


class GaussianBaseline(FittedBaseline):
    """Each entry by itself from N(mean, variance) over the networks of the ``m`` nearest architectures.

    Counted are the adapted networks that have the entry, in an open neuron. Where fewer than two have it,
    mean and standard deviation are those of all training weights of its role. Wires go by majority.
    """

    name: ClassVar[str] = "gaussian"
    Config: ClassVar[type[GeneratorConfig]] = GaussianConfig
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]] = {"m": (1, 2, 4, 8, 16, 32)}

    @property
    def settings(self) -> GaussianConfig:
        """Its settings."""
        assert isinstance(self.config, GaussianConfig)
        return self.config

    def choose(self, scores: Sequence[float]) -> int:
        """The highest score."""
        return best(scores)

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """A standard normal number for each entry, ``[networks, tokens, entries]``."""
        return draw_tokens(self.tokenizer, blueprints, seeds)

    def draw(self, source: Collection, target: Blueprint, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Draws from the target's Gaussian."""
        adapted = adapt(source, target, self.nearest_architectures(target, self.settings.m))
        mean, std, count = moments(adapted.values, adapted.alive)
        entries = self.tokenizer.entries
        mean = torch.where(count >= 2, mean, by_role(self.role_mean, entries))
        std = torch.where(count >= 2, std, by_role(self.role_std, entries))
        values = mean + std * latent[:, : len(mean)]
        return values, majority_gates(adapted.gates, len(latent))


def moments(
    values: Float[Tensor, "sources tokens entries"], counted: Bool[Tensor, "sources tokens entries"]
) -> tuple[Float[Tensor, "tokens entries"], Float[Tensor, "tokens entries"], Int[Tensor, "tokens entries"]]:
    """Mean, standard deviation (divisor n − 1) and number n of the counted values of each entry."""
    count = counted.sum(0)
    mean = (values * counted).sum(0) / count.clamp_min(1)
    variance = ((values - mean).square() * counted).sum(0) / (count - 1).clamp_min(1)
    return mean, variance.sqrt(), count
