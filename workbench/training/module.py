"""Training a generator with Lightning, phase by phase."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback, Timer
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from generators.collection import Collection
from generators.generator import Generator
from search_spaces import Blueprint, DamagedFile, RunFailed, WeightloomError
from workbench.execution import best_device
from workbench.muon import Muon, matrices_of
from workbench.tasks import Task
from workbench.training.checkpoint import (
    Checkpoint,
    State,
    go_on,
    optimizer_state,
    put_back,
    random_state,
)
from workbench.training.compiling import compiled
from workbench.training.config import TrainingConfig
from workbench.training.objectives import Objective, TaskObjective, ZooObjective
from workbench.zoo import warm_cosine

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of training: weighted objectives for so many steps."""

    name: str
    objectives: tuple[tuple[float, Objective], ...]
    steps: int


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What training cost and how the loss went.

    Attributes:
        seconds: wall time of all phases.
        steps: optimiser steps done.
        curve: (phase, step, loss) at about fifty points a phase.
    """

    seconds: float
    steps: int
    curve: tuple[tuple[str, int, float], ...]


class GeneratorModule(lightning.LightningModule):
    """A generator under one phase's objectives; AdamW or Muon with warm-up, cosine decay and clipped gradients.

    Args:
        generator: trained in place.
        phase: its objectives.
        config: learning rate and the like.
        kept: the state to go on from, of this phase.
    """

    def __init__(self, generator: Generator, phase: Phase, config: TrainingConfig, kept: State | None = None) -> None:
        super().__init__()
        self.generator = generator
        self.kept = kept
        self.objectives = nn.ModuleList(objective for _, objective in phase.objectives)
        self.weights = [weight for weight, _ in phase.objectives]
        self.phase = phase
        self.config = config
        self.curve: list[tuple[str, int, float]] = []
        if kept is not None:
            self._load(kept)

    @property
    def start(self) -> int:
        """Steps of this phase that had been done before."""
        return 0 if self.kept is None else self.kept.step

    def on_fit_start(self) -> None:
        """What the objectives draw from follows the generator to its device."""
        for objective in self._objectives():
            objective.place(self.device)

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        """The weighted sum of the objectives; they draw their own architectures and examples."""
        index = int(batch)
        total = torch.zeros((), device=self.device)
        for weight, objective in zip(self.weights, self._objectives(), strict=True):
            total = total + weight * objective.loss(self.generator)
        if index % max(1, self.phase.steps // 50) == 0 or index == self.phase.steps - 1:
            value = float(total.detach())
            if not math.isfinite(value):
                raise RunFailed(
                    f"training of {self.generator.name}: the loss became {value} at step {index} of phase "
                    f"{self.phase.name}; lower the learning rate ({self.config.learning_rate})"
                )
            self.curve.append((self.phase.name, index, value))
            self.log("loss", value, prog_bar=True)
        return total

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """One optimizer over everything that learns."""
        c = self.config
        fused = c.precision == "32-true"  # else Lightning does not clip gradients
        optimizer: torch.optim.AdamW
        if c.optimizer == "muon":
            optimizer = Muon(*matrices_of(self), lr=c.learning_rate, weight_decay=c.weight_decay, fused=fused)
        else:
            optimizer = torch.optim.AdamW(
                self.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay, fused=fused
            )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, self.phase.steps))
        if self.kept is not None:
            go_on(optimizer, schedule, self.kept)  # here, because Lightning draws random numbers before
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def state(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """Tensors and plain numbers that decide what the next step does."""
        optimizer, schedule = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        assert isinstance(optimizer, torch.optim.Optimizer)
        assert isinstance(schedule, torch.optim.lr_scheduler.LambdaLR)
        tensors, plain = optimizer_state(optimizer)
        own = {f"module.{name}": value for name, value in self.state_dict().items()}
        draws = {f"random.objective.{i}": o.random.get_state() for i, o in enumerate(self._objectives())}
        steps = {name: value for name, value in schedule.state_dict().items() if name != "lr_lambdas"}
        return {**own, **tensors, **random_state(), **draws}, {**plain, "schedule": steps}

    def _load(self, kept: State) -> None:
        own = {k.removeprefix("module."): v for k, v in kept.tensors.items() if k.startswith("module.")}
        with put_back():
            self.load_state_dict(own)
            for i, objective in enumerate(self._objectives()):
                objective.random.set_state(kept.tensors[f"random.objective.{i}"])

    def _objectives(self) -> Iterator[Objective]:
        for objective in self.objectives:
            assert isinstance(objective, Objective)
            yield objective


class StepsData(lightning.LightningDataModule):
    """As many steps as asked for; what is in a step is drawn by the objectives."""

    def __init__(self, start: int, steps: int) -> None:
        super().__init__()
        self.start = start
        self.steps = steps

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Step numbers."""
        return DataLoader(_Steps(self.start, self.steps), batch_size=None)


class _Steps(IterableDataset[Tensor]):
    def __init__(self, start: int, steps: int) -> None:
        self.start = start
        self.steps = steps

    def __iter__(self) -> Iterator[Tensor]:
        return (torch.tensor(step) for step in range(self.start, self.steps))


class _Report(Callback):
    def __init__(self, report: Callable[[str, int, int], None]) -> None:
        self.report = report

    def on_train_batch_end(self, trainer: object, module: lightning.LightningModule, *rest: object) -> None:
        assert isinstance(module, GeneratorModule)
        self.report(module.phase.name, module.start + module.global_step, module.phase.steps)


class _Keep(Callback):
    """Writes checkpoints, and one at the end of the phase; ``done`` and ``curve`` are those of phases before."""

    def __init__(
        self, checkpoint: Checkpoint, place: int, done: int, curve: Sequence[tuple[str, int, float]], began: float
    ) -> None:
        self.checkpoint = checkpoint
        self.place = place
        self.done = done
        self.curve = tuple(curve)
        self.began = began

    def on_train_batch_end(self, trainer: object, module: lightning.LightningModule, *rest: object) -> None:
        assert isinstance(module, GeneratorModule)
        step = module.start + module.global_step
        if step < module.phase.steps and not self.checkpoint.due():
            return
        tensors, plain = module.state()
        self.checkpoint.write(
            State(
                phase=self.place,
                step=step,
                done=self.done,
                seconds=time.perf_counter() - self.began,
                curve=(*self.curve, *module.curve),
                tensors=tensors,
                plain=plain,
            )
        )


def plan(
    generator: Generator,
    config: TrainingConfig,
    task: Task,
    blueprints: Sequence[Blueprint],
    training: Collection,
) -> tuple[Phase, ...]:
    """The phases of a training mode.

    Args:
        generator: must support the mode.
        config: names the mode and sizes.
        task: for modes ``task`` and ``both``.
        blueprints: training architectures.
        training: the zoo's training networks, for modes ``zoo`` and ``both``.
    """
    if config.mode not in generator.modes:
        raise WeightloomError(f"generator {generator.name}: mode must be one of {generator.modes}, got {config.mode!r}")
    if config.mode == "task":
        return (Phase(name="task", objectives=((1.0, TaskObjective(task, blueprints, config)),), steps=config.steps),)
    zoo = ZooObjective(generator, training, config)
    if config.mode == "zoo":
        return (Phase(name="zoo", objectives=((1.0, zoo),), steps=config.steps),)
    last: list[tuple[float, Objective]] = [(1.0, TaskObjective(task, blueprints, config))]
    if config.zoo_weight:
        last.append((config.zoo_weight, zoo))
    return (
        Phase(name="zoo", objectives=((1.0, zoo),), steps=config.zoo_steps),
        Phase(name="task", objectives=tuple(last), steps=config.steps),
    )


def train_generator(
    generator: Generator,
    phases: Sequence[Phase],
    config: TrainingConfig,
    report: Callable[[str, int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> TrainingResult:
    """Run the phases one after another on ``workbench.execution.best_device``.

    A training that goes on from a checkpoint ends, on one machine and thread count, with the very weights of one
    that was never cut off.

    Args:
        generator: trained in place; ends on the device that it was on.
        phases: from ``plan``.
        config: learning rate and the like.
        report: called after each step with phase, steps done, steps in all; what it raises ends the training.
        checkpoint: where the state is kept and gone on from; left there in the end. An altered one is passed over.

    Raises:
        RunFailed: the loss became NaN or infinite.
    """
    home = generator.device
    kept = None if checkpoint is None else _read(checkpoint)
    first, done, spent = (0, 0, 0.0) if kept is None else (kept.phase, kept.done, kept.seconds)
    start = time.perf_counter() - spent
    curve: list[tuple[str, int, float]] = [] if kept is None else list(kept.curve)
    with compiled(generator, config.compile):
        for place, phase in enumerate(phases[first:], first):
            module = GeneratorModule(generator, phase, config, kept if place == first else None)
            if module.start == phase.steps:  # it had come to its end
                done += phase.steps
                continue
            callbacks: list[Callback] = []
            if checkpoint is not None:
                callbacks.append(_Keep(checkpoint, place, done, curve, start))
            if report is not None:
                callbacks.append(_Report(report))
            if config.max_seconds is not None:
                callbacks.append(Timer(timedelta(seconds=config.max_seconds), verbose=False))
            done += module.start + _fit(module, callbacks)
            curve.extend(module.curve)
    generator.to(home).eval()  # Lightning leaves what it has trained on the processor
    return TrainingResult(seconds=time.perf_counter() - start, steps=done, curve=tuple(curve))


def _fit(module: GeneratorModule, callbacks: list[Callback]) -> int:
    """Run what is left of a phase; returns the steps that were done."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_steps=module.phase.steps - module.start,
            max_epochs=-1,
            accelerator=best_device().type,
            devices=1,
            precision=module.config.precision,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            gradient_clip_val=1.0,
            callbacks=callbacks,
        )
        trainer.fit(module, datamodule=StepsData(module.start, module.phase.steps))
    return trainer.global_step


def _read(checkpoint: Checkpoint) -> State | None:
    try:
        return checkpoint.read()
    except DamagedFile:  # only time is lost by beginning anew
        return None
