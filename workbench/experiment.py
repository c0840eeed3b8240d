"""One experiment: make a generator, train it under one budget, measure it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel

from generators.generator import Fitted, Generator
from generators.registry import make_generator
from search_spaces import RunFailed
from workbench.evaluation import Evaluation, EvaluationConfig, evaluate, evaluate_real
from workbench.evaluation.evaluate import measure
from workbench.execution import run
from workbench.laboratory import Laboratory
from workbench.summary import Estimate, GeneratorSummary, Spend
from workbench.tasks import loss
from workbench.training import Checkpoint, Phase, TrainingConfig, TrainingResult, plan, real_distance, train_generator
from workbench.yardstick import scores_of

TUNING_LATENTS = 3
"""Networks per validation architecture that a baseline's settings are judged by."""

Told = Callable[[str, int, int], None]
"""Told the phase, steps done, steps in all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one experiment gave.

    Attributes:
        generator: trained or fitted.
        objectives: ``fidelity``, ``collapse`` and ``active_parameters`` on validation architectures and
            validation data; what a sweep selects by. Not measured of a baseline, as nothing selects it.
        summary: the figures on test architectures and test data.
        training: cost and learning curve; None for a baseline.
    """

    generator: Generator
    objectives: Mapping[str, float]
    summary: GeneratorSummary
    training: TrainingResult | None


@dataclass(frozen=True, kw_only=True)
class Midway:
    """What was measured of a generator in the middle of its training.

    Attributes:
        loss: mean cross-entropy of generated networks on validation data, in nats.
        objectives: those of `Outcome`.
    """

    loss: float
    objectives: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Checked:
    """When a training is measured on its way, and who judges it.

    Attributes:
        at: share of all steps after which it is measured, once, 0..1.
        judge: told what was found; what it raises ends the experiment.
    """

    at: float
    judge: Callable[[Midway], None]


def run_family(
    laboratory: Laboratory,
    family: str | type[Generator],
    settings: Mapping[str, Any],
    training: TrainingConfig,
    evaluation: EvaluationConfig,
    *,
    trial: int | None = None,
    told: Told | None = None,
    keep: Callable[[str], Checkpoint] | None = None,
    checked: Checked | None = None,
) -> Outcome:
    """Train one generator and measure it.

    Args:
        laboratory: where.
        family: the generator's name, or its class, which need not be registered.
        settings: of the generator.
        training: budget, mode, learning rate and seed.
        evaluation: sizes of the measurement.
        trial: its number in a sweep.
        told: told after each step of training; what it raises ends the experiment.
        keep: makes the checkpoint of this training from its identity; the caller removes the file.
        checked: a measurement on the way.

    Raises:
        RunFailed: the loss or the emitted weights became NaN.
        WeightloomError: a setting is unknown or out of range.
    """
    torch.manual_seed(training.seed)
    generator = make_generator(family, {"token_width": laboratory.zoo.config.token_width, **settings})
    generator.to(laboratory.device)
    family, task = generator.name, laboratory.task
    if training.diversity and training.diversity_target is None:
        real = laboratory.validation.networks
        target = real_distance(real, laboratory.zoo.config.seeds, task, training)
        training = training.model_copy(update={"diversity_target": target})
    phases = plan(generator, training, task, laboratory.zoo.pool, laboratory.zoo.training)
    start_loss = initial_loss(generator, laboratory)
    checkpoint = None if keep is None else keep(_identity(family, generator.config, training, laboratory))
    total, before = sum(phase.steps for phase in phases), _steps_before(phases)

    def report(phase: str, done: int, steps: int) -> None:
        if checked is not None and before[phase] + done == math.ceil(checked.at * total):
            checked.judge(_midway(generator, laboratory, evaluation))
        if told is not None:
            told(phase, done, steps)

    result = train_generator(generator, phases, training, report, checkpoint)
    objectives = objectives_of(generator, laboratory, evaluation)
    if not all(math.isfinite(value) for value in objectives.values()):
        raise RunFailed(f"generator {family}: its objectives became {objectives}; lower the learning rate")
    measured = evaluate(generator, laboratory.zoo, laboratory.test, laboratory.test_validity, evaluation)
    extra = {
        "init_loss": _plain(start_loss),
        "train_seconds": _plain(result.seconds),
        "zoo_seconds": _plain(laboratory.zoo.seconds if training.mode != "task" else 0.0),
    }
    summary = _summary(
        measured,
        "family",
        family,
        training.mode,
        trial,
        generator.config,
        Spend(steps=result.steps, seconds=result.seconds),
        extra,
    )
    return Outcome(generator=generator, objectives=objectives, summary=summary, training=result)


def run_baseline(
    laboratory: Laboratory, name: str | type[Generator], settings: Mapping[str, Any], evaluation: EvaluationConfig
) -> Outcome:
    """Fit a baseline, tune it on validation architectures and measure it."""
    start = time.perf_counter()
    generator = make_generator(name, {"token_width": laboratory.zoo.config.token_width, **settings})
    generator.to(laboratory.device)
    if isinstance(generator, Fitted):
        generator.fit(laboratory.zoo.training)
        validation = laboratory.validation
        generator.tune(validation.blueprints * TUNING_LATENTS, lambda networks: scores_of(networks, validation.split))
    seconds = time.perf_counter() - start
    measured = evaluate(generator, laboratory.zoo, laboratory.test, laboratory.test_validity, evaluation)
    extra = {"train_seconds": _plain(seconds), "zoo_seconds": _plain(laboratory.zoo.seconds)}
    summary = _summary(
        measured, "baseline", generator.name, None, None, generator.config, Spend(steps=0, seconds=seconds), extra
    )
    return Outcome(generator=generator, objectives={}, summary=summary, training=None)


def run_finished(
    laboratory: Laboratory, start: GeneratorSummary, generator: Generator, steps: int, evaluation: EvaluationConfig
) -> GeneratorSummary:
    """The row of a generator whose networks are really trained for a few steps more; the rate is tuned on validation.

    Args:
        laboratory: that of ``start``.
        start: the row of the generator itself.
        generator: emits the weights to go on from.
        steps: of real training; they cost latency, not training.
        evaluation: sizes; curves of sparsity are those of the start.
    """
    finisher = laboratory.finished(generator, steps)
    yardsticks = laboratory.test, laboratory.test_validity
    measured = evaluate(finisher, laboratory.zoo, *yardsticks, evaluation.without_curves())
    spent: tuple[str, ...] = ("train_seconds", "zoo_seconds")
    extra = {name: start.metrics[name] for name in spent if name in start.metrics}
    return _summary(
        measured,
        start.kind,
        finished_name(start.family, steps),
        start.mode,
        start.trial,
        finisher.recipe,
        start.budget,
        extra,
    )


def finished_name(name: str, steps: int) -> str:
    """Of the row of a generator whose networks are trained for so many steps more."""
    return f"{name}+{steps}"


def run_real(laboratory: Laboratory) -> GeneratorSummary:
    """The row of really trained networks."""
    measured = evaluate_real(laboratory.test, laboratory.test_validity)
    recipe = laboratory.zoo.config.real_recipe
    seconds = laboratory.zoo.seconds
    spend = Spend(steps=recipe.steps, seconds=seconds)
    extra = {"zoo_seconds": _plain(seconds)}
    return _summary(measured, "real", "real", None, None, recipe, spend, extra)


def objectives_of(generator: Generator, laboratory: Laboratory, evaluation: EvaluationConfig) -> dict[str, float]:
    """Fidelity, collapse and active parameters on validation architectures and data.

    Collapse is 1 where it cannot be measured because fewer than two networks of any architecture are valid.
    """
    yardstick = laboratory.validation
    blueprints = yardstick.repeated(evaluation.latents)
    seeds = [evaluation.seed + 500_000 + i for i in range(len(blueprints))]
    networks = generator.generate(blueprints, seeds, evaluation.density, evaluation.weights)
    found, _, _ = measure(networks, yardstick, yardstick, evaluation)
    return {
        "fidelity": found["fidelity"].mean,
        "collapse": found["collapse"].mean if "collapse" in found else 1.0,
        "active_parameters": found["active_parameters"].mean,
    }


@torch.no_grad()
def initial_loss(generator: Generator, laboratory: Laboratory) -> float:
    """Mean cross-entropy of freshly generated networks, in nats; about ln(classes) if scales are sane."""
    blueprints = laboratory.validation.blueprints
    networks = generator.generate(blueprints, list(range(len(blueprints))))
    split = laboratory.task.validation
    return float(loss(run(networks, split.x), split.y).mean())


def _midway(generator: Generator, laboratory: Laboratory, evaluation: EvaluationConfig) -> Midway:
    """Measured without leaving a trace in the training."""
    training = generator.training
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        generator.eval()
        found = Midway(
            loss=initial_loss(generator, laboratory), objectives=objectives_of(generator, laboratory, evaluation)
        )
    generator.train(training)
    return found


def _steps_before(phases: Sequence[Phase]) -> dict[str, int]:
    """Steps of the phases before each, by name."""
    steps = [phase.steps for phase in phases]
    return {phase.name: sum(steps[:place]) for place, phase in enumerate(phases)}


def _identity(family: str, config: BaseModel, training: TrainingConfig, laboratory: Laboratory) -> str:
    """Of a training: equal for two that take the same steps."""
    document = [family, config.model_dump(mode="json"), training.model_dump(mode="json"), laboratory.zoo.digest]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _summary(
    measured: Evaluation,
    kind: str,
    family: str,
    mode: str | None,
    trial: int | None,
    config: BaseModel,
    spend: Spend,
    extra: Mapping[str, Estimate],
) -> GeneratorSummary:
    return GeneratorSummary.model_validate(
        {
            "kind": kind,
            "family": family,
            "mode": mode,
            "trial": trial,
            "config": config.model_dump(),
            "budget": spend,
            "metrics": {**measured.metrics, **extra},
            "verdict": list(measured.verdict),
            "architectures": list(measured.architectures),
            "sparsity_curve": list(measured.curve),
            "overlap": [list(row) for row in measured.overlap],
        }
    )


def _plain(value: float) -> Estimate:
    return Estimate(mean=value, low=value, high=value, n=1)
