"""The family of experts: several feed-forward generators side by side, of which each latent uses one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from generators.generator import GeneratorConfig, Trial
from generators.mlp import ExpertsConfig, MLPGenerator


class ExpertsGenerator(MLPGenerator):
    """A mixture whose latent says which expert speaks (Jacobs et al. 1991) and how, not how much of each.

    Task loss makes the latents of one network alike, and a term that pushes them apart costs what it gains. Networks
    with weights of their own, in one generator, differ for free, as independently trained ones do
    (Lakshminarayanan et al. 2017, arXiv:1612.01474); the encoder, which reads the architecture, is shared. The price:
    no more kinds of networks than experts; two latents of one expert are nearly the same network.

    The latent is a standard normal vector; the greatest of its last ``experts`` numbers chooses, so that all are
    equally likely.
    """

    name: ClassVar[str] = "experts"
    Config: ClassVar[type[GeneratorConfig]] = ExpertsConfig

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """How many experts, how wide and how deep."""
        return {
            "experts": trial.suggest_categorical("experts.experts", (8, 16, 32)),
            "hidden": trial.suggest_categorical("experts.hidden", (96, 128, 192)),
            "layers": trial.suggest_categorical("experts.layers", (1, 3)),
        }
