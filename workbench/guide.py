"""A generator as a guide: the score that an architecture has with generated weights, without training it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from generators.generator import Generator
from generators.registry import make_generator
from generators.saving import from_pretrained, save_pretrained
from search_spaces import Architecture, Blueprint, SearchSpace
from workbench import files
from workbench.execution import batches
from workbench.tasks import Task
from workbench.training import TrainingConfig, train_generator
from workbench.training.module import Phase
from workbench.training.objectives import TaskObjective
from workbench.yardstick import Predictions

SCHEMA = 1
AT_ONCE = 64
COST = "cost.json"
"""Written beside a trained guide, last: what its training cost. A folder without it is not whole."""


class GuideConfig(BaseModel):
    """How a search trains its own guide; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str = Field(default="mlp", description="of the generator, with its default settings")
    steps: int = Field(default=1000, ge=1, description="optimiser steps on the task's own loss")
    architectures: int = Field(default=8, ge=1, description="architectures in one step")
    pool: int = Field(default=512, ge=1, description="random architectures that the steps draw from")
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
    known = [
        SCHEMA,
        task.digest(),
        space.name,
        space.shape,
        space.outputs,
        space.size,
        config.model_dump(),
        seed,
        noise,
    ]
    name = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:24]
    home = folder / name
    if (home / COST).exists():
        cost = files.read_json(home / COST)
        return GeneratedScores(
            generator=from_pretrained(home), task=task, latents=config.latents, seconds=float(cost["seconds"])
        )
    began = time.process_time()
    generator = _trained(task, space, config, seed, noise)
    seconds = time.process_time() - began
    save_pretrained(generator, home)
    files.write_json(home / COST, {"seconds": seconds, "steps": config.steps})
    return GeneratedScores(generator=generator, task=task, latents=config.latents, seconds=seconds)


def _trained(task: Task, space: SearchSpace, config: GuideConfig, seed: int, noise: float) -> Generator:
    training = TrainingConfig(
        mode="task",
        steps=config.steps,
        architectures=config.architectures,
        input_noise=noise,
        sparse_share=0.0,
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    pool = {architecture.key: architecture for architecture in (space.sample(rng) for _ in range(config.pool))}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = make_generator(config.family, {})
        objective = TaskObjective(task, [Blueprint.of(architecture) for architecture in pool.values()], training)
        train_generator(generator, [Phase(name="task", objectives=((1.0, objective),), steps=config.steps)], training)
    return generator.eval()
