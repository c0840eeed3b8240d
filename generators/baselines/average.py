"""The mean of a few near training networks: the middle that a generator with squared error falls into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from generators.adaptation import adapt, silence
from generators.baselines.base import FittedBaseline
from generators.baselines.parts import best, draw_numbers
from generators.collection import Collection
from generators.generator import GeneratorConfig
from search_spaces import Blueprint


class AverageConfig(GeneratorConfig):
    """Settings of ``average``."""

    k: int = Field(default=4, ge=1, description="networks in one mean")


class AverageBaseline(FittedBaseline):
    """The mean over ``k`` adapted training networks, entry by entry, padding included.

    The latent draws which ``k`` of the ``2k`` nearest; with ``k`` of 1 there is nothing to average and it is
    ``retrieve``. A neuron that most of them have closed is silenced, a wire that most of them lack is closed.
    """

    name: ClassVar[str] = "average"
    Config: ClassVar[type[GeneratorConfig]] = AverageConfig
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]] = {"k": (2, 4, 8, 16)}

    @property
    def settings(self) -> AverageConfig:
        """Its settings."""
        assert isinstance(self.config, AverageConfig)
        return self.config

    def choose(self, scores: Sequence[float]) -> int:
        """The highest score."""
        return best(scores)

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Standard normal numbers ``[networks, 2k]``, one per near network; the ``k`` greatest take part."""
        return draw_numbers(seeds, 2 * self.settings.k)

    def draw(self, source: Collection, target: Blueprint, latent: Tensor) -> tuple[Tensor, Tensor]:
        """The means."""
        k = self.settings.k
        nearest = self.nearest(target, 2 * k if k > 1 else 1)
        adapted = adapt(source, target, nearest)
        picks = latent[:, : len(nearest)].topk(min(k, len(nearest)), dim=1).indices.sort(dim=1).values
        layout = self.tokenizer.layout(target)
        open_neurons = (adapted.open_neurons[picks].mean(1) >= 0.5).to(latent.dtype)
        gates = (adapted.gates[picks].mean(1) >= 0.5).to(latent.dtype)
        return silence(adapted.values[picks].mean(1), open_neurons, layout), gates
