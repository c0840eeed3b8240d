"""Finishing: a few steps of real training for networks that a generator has emitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from generators.baselines import InitBaseline
from generators.generated import Generated
from generators.generator import Condition, Generator, GeneratorConfig
from generators.tokens import BatchLayout
from search_spaces import Blueprint
from workbench.tasks import Task
from workbench.yardstick import Yardstick, scores_of
from workbench.zoo import Recipe, ZooConfig, train_sorted

RATES = (5e-3, 1e-2, 2e-2, 4e-2)
"""Learning rates to choose from, for each number of steps by itself."""
TUNING_SEEDS = 3
"""Networks per validation architecture that a learning rate is judged by."""


class Finished(Generator):
    """What another generator emits, really trained for a few steps.

    It sees the task's training examples while it emits, which no other generator does, and pays for it with latency.

    Args:
        start: emits the weights and connectivity to go on from; closed neurons stay closed, and weights that are
            zero in a network that was asked to be sparse stay zero.
        task: gives the examples.
        recipe: of the training.
    """

    name: ClassVar[str] = "finished"
    kind: ClassVar[Literal["family", "baseline"]] = "family"

    def __init__(self, start: Generator, task: Task, recipe: Recipe) -> None:
        super().__init__(GeneratorConfig(token_width=start.config.token_width))
        self.start, self.task, self.recipe = start, task, recipe
        self.to(start.device)

    @property
    def evaluations(self) -> int:
        """Those of the start; steps of training are no evaluations of its network."""
        return self.start.evaluations

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """The start's."""
        return self.start.draw_latent(blueprints, seeds)

    def draw_apart(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """The start's."""
        return self.start.draw_apart(blueprints, seeds)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """What the start emits, trained side by side; the order of examples goes by place in the batch."""
        with torch.no_grad():
            networks = self.start.emit(layout, latent, condition)
        sparse = condition.weights < 1
        with torch.enable_grad():
            trained = train_sorted(
                self.task,
                self.tokenizer,
                networks.blueprints,
                range(len(networks)),
                self.recipe,
                start=networks,
                sparse=sparse,
            )
        return trained.networks.to(networks.device)


def finished(start: Generator | None, task: Task, zoo: ZooConfig, validation: Yardstick, steps: int) -> Finished:
    """``start`` and so many steps of the yardstick's recipe, with the learning rate that is best on validation.

    Args:
        start: by default fresh weights, which makes it brief training.
        task: gives the examples.
        zoo: says what the recipe is.
        validation: decides about the rate.
        steps: of real training.
    """
    start = start or InitBaseline(GeneratorConfig(token_width=zoo.token_width))
    blueprints = validation.blueprints * TUNING_SEEDS
    recipe = zoo.real_recipe.model_copy(update={"steps": steps, "check_every": steps})
    tried = {rate: Finished(start, task, recipe.model_copy(update={"learning_rate": rate})) for rate in RATES}

    def score(rate: float) -> float:
        networks = tried[rate].generate(blueprints, range(len(blueprints)))
        return float(scores_of(networks, validation.split).nan_to_num(0.0).mean())

    return tried[max(RATES, key=score)]
