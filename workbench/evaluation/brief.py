"""Brief training: what a network that is really trained for a few steps reaches, and what it costs.

The cheapest alternative to any generator, and it needs no zoo. A generator that stays below it at equal cost has
nothing to offer but its idea.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from generators.collection import Collection
from generators.generator import Generator
from generators.tokens import WeightTokenizer
from workbench.evaluation.config import EvaluationConfig
from workbench.evaluation.evaluate import measure
from workbench.summary import BriefPoint, Estimate
from workbench.tasks import Task
from workbench.yardstick import Yardstick
from workbench.zoo import Zoo, train_sorted

STEPS = (25, 50, 100, 200, 400)
RATES = (5e-3, 1e-2, 2e-2, 4e-2)
"""Learning rates to choose from, for each number of steps by itself."""
TUNING_SEEDS = 3
"""Networks per validation architecture that a learning rate is judged by."""
FIRST_SEED = 7_000_000
"""Of fresh weights; far from those of the zoo."""


def brief_training(
    task: Task,
    zoo: Zoo,
    validation: Yardstick,
    test: Yardstick,
    validity: Yardstick,
    config: EvaluationConfig,
    *,
    counts: Sequence[int] | None = None,
    start: Generator | None = None,
) -> list[BriefPoint]:
    """Networks of the test architectures after so few steps of the yardstick's recipe with the best rate for so many.

    The learning rate is chosen on validation architectures and data. As many networks an architecture as generated
    ones, all trained side by side; seconds are those of this training alone, not of choosing.

    Args:
        task: gives the examples.
        zoo: says what the recipe is.
        validation: decides about rates.
        test: measured on.
        validity: the test architectures on validation data, which decides which networks are valid.
        config: sizes.
        counts: of steps, each a training by itself; by default ``STEPS``.
        start: emits the weights to go on from; by default fresh ones.
    """
    points = []
    train = partial(_train, task, zoo, start)
    for steps in counts or STEPS:
        scores = {rate: train(validation, TUNING_SEEDS, steps, rate)[0].scores.mean() for rate in RATES}
        rate = max(RATES, key=lambda rate: float(scores[rate]))
        trained, seconds = train(test, config.latents, steps, rate)
        found, _, _ = measure(trained.networks, test, validity, config)
        points.append(
            BriefPoint(
                steps=steps,
                learning_rate=rate,
                milliseconds=1000 * seconds / len(trained),
                fidelity=Estimate.of(found["fidelity"]),
                collapse=Estimate.of(found["collapse"]) if "collapse" in found else None,
                valid=Estimate.of(found["valid"]),
            )
        )
    return points


def _train(
    task: Task, zoo: Zoo, start: Generator | None, yardstick: Yardstick, each: int, steps: int, rate: float
) -> tuple[Collection, float]:
    """So many networks of every architecture, and the seconds that their training took."""
    recipe = zoo.config.real_recipe.model_copy(update={"steps": steps, "learning_rate": rate, "check_every": steps})
    blueprints = [blueprint for blueprint in yardstick.blueprints for _ in range(each)]
    seeds = [FIRST_SEED + i for i in range(len(blueprints))]
    tokenizer = WeightTokenizer(width=zoo.config.token_width)
    networks = None if start is None else start.generate(blueprints, seeds)
    began = time.perf_counter()
    trained = train_sorted(task, tokenizer, blueprints, seeds, recipe, start=networks)
    return trained.collection, time.perf_counter() - began
