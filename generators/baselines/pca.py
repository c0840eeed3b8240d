"""A Gaussian in the space of the first principal components of near training networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from generators.adaptation import adapt
from generators.baselines.base import FittedBaseline
from generators.baselines.gaussian import moments
from generators.baselines.parts import best, draw_numbers, majority_gates
from generators.collection import Collection
from generators.generator import GeneratorConfig
from search_spaces import Blueprint


class PCAConfig(GeneratorConfig):
    """Settings of ``pca``."""

    m: int = Field(default=32, ge=2, description="nearest networks that span the space")
    rank: int = Field(default=8, ge=1, description="principal components that are drawn")


class PCABaseline(FittedBaseline):
    """N(mean, C_r): C_r is the covariance of the ``m`` nearest adapted networks cut to ``rank`` components.

    An entry that a network does not have, or has in a closed neuron, is filled with the mean of those that
    have it (0 = neutral where none has). Beyond rank ``m − 1`` there is no variance left. Wires go by
    majority.
    """

    name: ClassVar[str] = "pca"
    Config: ClassVar[type[GeneratorConfig]] = PCAConfig
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]] = {"m": (4, 16, 64), "rank": (2, 4, 8, 16, 32)}

    @property
    def settings(self) -> PCAConfig:
        """Its settings."""
        assert isinstance(self.config, PCAConfig)
        return self.config

    def choose(self, scores: Sequence[float]) -> int:
        """The highest score."""
        return best(scores)

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Coordinates in units of each component's standard deviation, ``[networks, rank]``, from N(0, 1)."""
        return draw_numbers(seeds, self.settings.rank)

    def draw(self, source: Collection, target: Blueprint, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Mean plus the drawn mixture of components."""
        adapted = adapt(source, target, self.nearest(target, self.settings.m))
        alive = adapted.alive
        mean, _, _ = moments(adapted.values, alive)
        residuals = ((adapted.values - mean) * alive).flatten(1)
        factors = component_factors(residuals, self.settings.rank)
        # added up one by one: a matrix product rounds rows differently, and equal seeds would give unequal networks
        drawn = residuals.new_zeros(len(latent), residuals.shape[1])
        for number, direction in zip(latent.T, factors.T @ residuals, strict=False):
            drawn.addcmul_(number[:, None], direction)
        return mean + drawn.view(-1, *mean.shape), majority_gates(adapted.gates, len(latent))


def component_factors(residuals: Float[Tensor, "sources numbers"], rank: int) -> Float[Tensor, "sources components"]:
    """Factors A such that the columns of R^T A are the principal components, each as long as its deviation.

    With R R^T = V L V^T (the dual form, cheap for few sources), A = V_r / sqrt(sources − 1), so that
    (R^T A)(R^T A)^T is the covariance R^T R / (sources − 1) cut to rank r. Signs are fixed: the greatest
    factor of a component is positive.
    """
    gram = residuals.double() @ residuals.double().T
    vectors = torch.linalg.eigh(gram).eigenvectors.flip(1)[:, : min(rank, len(residuals) - 1)]
    sign = vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
    return (vectors * sign / max(1, len(residuals) - 1) ** 0.5).to(residuals.dtype)
