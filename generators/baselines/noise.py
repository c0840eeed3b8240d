"""The nearest training network plus noise: diversity and novelty bought with accuracy, at will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from generators.adaptation import adapt
from generators.baselines.base import FittedBaseline
from generators.baselines.parts import by_role, draw_tokens
from generators.collection import Collection
from generators.generated import Generated
from generators.generator import GeneratorConfig
from search_spaces import Blueprint

TOLERANCE = 0.02
"""How much validation score tuning gives away for noise."""


class NoiseConfig(GeneratorConfig):
    """Settings of ``noise``."""

    sigma: float = Field(
        default=0.1,
        ge=0,
        description="standard deviation of the noise, as a share of that of the role's weights",
    )


class NoiseBaseline(FittedBaseline):
    """``retrieve`` plus Gaussian noise of ``sigma`` standard deviations, in natural units.

    The standard deviation is that of all training weights of the same role (bias, scale, shift, weight).
    Noise goes where the training network has a parameter of an open neuron; padding stays neutral, since
    noise on it would cost accuracy without perturbing anything that was trained.
    """

    name: ClassVar[str] = "noise"
    Config: ClassVar[type[GeneratorConfig]] = NoiseConfig
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]] = {
        "sigma": (0.0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
    }

    @property
    def settings(self) -> NoiseConfig:
        """Its settings."""
        assert isinstance(self.config, NoiseConfig)
        return self.config

    def with_sigma(self, sigma: float) -> NoiseBaseline:
        """The same training networks with another level of noise: one point of the frontier."""
        return self.configured(sigma=sigma)

    def choose(self, scores: Sequence[float]) -> int:
        """The largest sigma whose score is within ``TOLERANCE`` of that without noise."""
        return max(i for i, score in enumerate(scores) if score >= scores[0] - TOLERANCE)

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """The noise, ``[networks, tokens, entries]``, from N(0, 1)."""
        return draw_tokens(self.tokenizer, blueprints, seeds)

    def draw(self, source: Collection, target: Blueprint, latent: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest network, adapted, plus noise."""
        adapted = adapt(source, target, self.nearest(target, 1))
        spread = self.settings.sigma * by_role(self.role_std, self.tokenizer.entries) * adapted.alive[0]
        values = adapted.values + spread * latent[:, : adapted.values.shape[1]]
        return values, adapted.gates.expand(len(latent), -1)

    def perturb(self, networks: Generated, sigma: float, seeds: Sequence[int]) -> Generated:
        """Any networks plus noise of ``sigma`` of its units, for frontiers around other parents; one seed each."""
        layout = networks.layout
        noise = draw_tokens(self.tokenizer, networks.blueprints, seeds).to(networks.tokens.device)
        spread = sigma * by_role(self.role_std, self.tokenizer.entries) * layout.scale * layout.used
        return replace(networks, tokens=networks.tokens + spread * noise * networks.open_neurons[..., None])
