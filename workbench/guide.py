"""A generator as a guide: the score that an architecture has with generated weights, without training it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field

from generators.generator import Generator
from search_spaces import Architecture, Blueprint, SearchSpace
from workbench.execution import batches
from workbench.own_generator import OwnGeneratorConfig, kept, made_from, train_own
from workbench.tasks import Task
from workbench.training import TrainingConfig
from workbench.training.objectives import TaskObjective
from workbench.yardstick import Predictions

AT_ONCE = 64


class GuideConfig(OwnGeneratorConfig):
    """How a search trains its own guide; unknown keys are errors."""

    pool: int = Field(default=512, ge=1, description="random architectures that the steps draw from")
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    latents: int = Field(default=1, ge=1, description="generated networks that an architecture's score is the mean of")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedScores:
    """Scores of architectures with generated weights.

    Attributes:
        generator: emits the weights.
        task: gives the validation examples.
        latents: networks an architecture.
        seconds: of processor time that training the generator took, whenever that was; 0 for one that was there.
    """

    generator: Generator
    task: Task
    latents: int
    seconds: float

    def scores(self, architectures: Sequence[Architecture]) -> Float[np.ndarray, " architectures"]:
        """Mean share of validation examples classified rightly, 0 to 1; 0 for broken networks."""
        blueprints = [Blueprint.of(architecture) for architecture in architectures]
        found = np.zeros(len(blueprints))
        for part in batches(blueprints, AT_ONCE):
            chosen = [blueprints[i] for i in part for _ in range(self.latents)]
            with torch.no_grad():
                networks = self.generator.generate(chosen, list(range(self.latents)) * len(part))
            scores = np.nan_to_num(Predictions.of(networks, self.task.validation).scores)
            found[part] = scores.reshape(len(part), self.latents).mean(axis=1)
        return found


def open_guide(
    task: Task, space: SearchSpace, config: GuideConfig, seed: int, folder: Path, noise: float
) -> GeneratedScores:
    """A guide of the search's own: read from ``folder`` if it was trained before, else trained there.

    The generator learns by the task's own loss over random architectures of the space; it sees training examples
    only.

    Args:
        task: gives the examples.
        space: architectures are drawn from.
        config: sizes.
        seed: of architectures, first weights and examples.
        folder: guides are kept in, each named by a digest of all that made it.
        noise: standard deviation added to inputs in training, as for real networks.

    Raises:
        UnknownName: no such family.
        DamagedFile: it was trained before, but a file was altered.
        RunFailed: the loss became NaN.
    """
    home = folder / made_from(task, space, config.model_dump(), seed, noise)
    generator, seconds = kept(home, lambda: _trained(task, space, config, seed, noise))
    return GeneratedScores(generator=generator, task=task, latents=config.latents, seconds=seconds)


def _trained(task: Task, space: SearchSpace, config: GuideConfig, seed: int, noise: float) -> Generator:
    training = TrainingConfig(
        mode="task",
        steps=config.steps,
        architectures=config.architectures,
        learning_rate=config.learning_rate,
        input_noise=noise,
        sparse_share=0.0,
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    pool = {architecture.key: architecture for architecture in (space.sample(rng) for _ in range(config.pool))}
    blueprints = [Blueprint.of(architecture) for architecture in pool.values()]
    return train_own(config, training, TaskObjective(task, blueprints, training))
