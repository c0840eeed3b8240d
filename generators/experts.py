"""The family of experts: several feed-forward generators side by side, of which each latent uses one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from generators.generator import GeneratorConfig, Trial
from generators.mlp import ExpertsConfig, MLPGenerator
from search_spaces import Blueprint


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

    def draw_apart(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """One expert after another for each architecture, from that which its first latent chooses."""
        latent = self.draw_latent(blueprints, seeds)
        scores = latent[:, self.settings.latent :]
        chosen = scores.argmax(1)
        turn: dict[str, int] = {}
        for network, (blueprint, own) in enumerate(zip(blueprints, chosen.tolist(), strict=True)):
            expert = turn.get(blueprint.key, own)
            turn[blueprint.key] = (expert + 1) % scores.shape[1]
            pair = torch.tensor([expert, own])
            scores[network, pair] = scores[network, pair.flip(0)]  # an exchange, so that it stays standard normal
        return latent
