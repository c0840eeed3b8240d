"""A generator that a search trains for itself: settings, training, and the folder in which it is kept with its cost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from generators.generator import Generator
from generators.registry import make_generator
from generators.saving import from_pretrained, save_pretrained
from search_spaces import DamagedFile, SearchSpace
from workbench import files
from workbench.tasks import Task
from workbench.training import TrainingConfig, train_generator
from workbench.training.module import Phase
from workbench.training.objectives import Objective

SCHEMA = 2
COST = "cost.json"
"""Written beside a trained generator, last: what its training cost. A folder without it is not whole."""


class OwnGeneratorConfig(BaseModel):
    """What all generators that a search trains have; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str = Field(default="mlp", description="of the generator")
    settings: dict[str, int | float] = Field(
        default={"latent_start": 0.1},
        description="of the family, where not its defaults; what guides a search need not differ between latents",
    )
    steps: int = Field(default=1000, ge=1, description="optimiser steps on the task's own loss")
    architectures: int = Field(default=8, ge=1, description="architectures in one step")


def made_from(task: Task, space: SearchSpace, *rest: Any) -> str:
    """A digest of all that makes a generator: the task's examples, the space, and what else is given, as JSON."""
    known = [SCHEMA, task.digest(), space.name, space.shape, space.outputs, space.size, *rest]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:24]


def kept(home: Path, train: Callable[[], Generator]) -> tuple[Generator, float]:
    """The generator in ``home``, trained if it is not whole, and the processor seconds that its training took.

    Raises:
        DamagedFile: it was trained before, but a file was altered.
    """
    if (home / COST).exists():
        content = files.read_json(home / COST)
        seconds = content.get("seconds") if isinstance(content, dict) else None
        if not isinstance(seconds, int | float):
            raise DamagedFile(f"{home / COST}: expected a number of seconds; remove the folder {home} to train anew")
        return from_pretrained(home), float(seconds)
    began = time.process_time()
    generator = train()
    seconds = time.process_time() - began
    save_pretrained(generator, home)
    files.write_json(home / COST, {"seconds": seconds})
    return generator, seconds


def train_own(config: OwnGeneratorConfig, training: TrainingConfig, objective: Objective) -> Generator:
    """A fresh generator, trained on one objective.

    Args:
        config: names the family and its settings.
        training: steps, rates and seed.
        objective: what it is trained for.

    Raises:
        UnknownName: no such family.
        RunFailed: the loss became NaN.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        generator = make_generator(config.family, config.settings)
        phase = Phase(name="task", objectives=((1.0, objective),), steps=training.steps)
        train_generator(generator, [phase], training)
    return generator.eval()
