"""Brief training: what a network that is really trained for a few steps reaches, and what it costs.

The cheapest alternative to any generator, and it needs no zoo. A generator that stays below it at equal cost has
nothing to offer but its idea.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from generators.generator import Generator
from workbench.evaluation.config import EvaluationConfig
from workbench.evaluation.evaluate import measure
from workbench.finishing import finished
from workbench.summary import BriefPoint, Estimate
from workbench.tasks import Task
from workbench.yardstick import Yardstick
from workbench.zoo import ZooConfig

STEPS = (25, 50, 100, 200, 400)
FIRST_SEED = 7_000_000
"""Of fresh weights; far from those of the zoo."""


def brief_training(
    task: Task,
    zoo: ZooConfig,
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
    ones, all trained side by side; seconds are those of emitting and this training, not of choosing.

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
    blueprints = test.repeated(config.latents)
    for steps in counts or STEPS:
        generator = finished(start, task, zoo, validation, steps)
        began = time.perf_counter()
        networks = generator.generate(blueprints, range(FIRST_SEED, FIRST_SEED + len(blueprints)))
        seconds = time.perf_counter() - began
        found, _, _ = measure(networks, test, validity, config)
        points.append(
            BriefPoint(
                steps=steps,
                learning_rate=generator.recipe.learning_rate,
                milliseconds=1000 * seconds / len(networks),
                fidelity=Estimate.of(found["fidelity"]),
                collapse=Estimate.of(found["collapse"]) if "collapse" in found else None,
                valid=Estimate.of(found["valid"]),
            )
        )
    return points
