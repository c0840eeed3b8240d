"""The noise frontiers: what novelty costs without any learning."""

from __future__ import annotations

import numpy as np

from generators.baselines import NoiseBaseline
from generators.baselines.noise import NoiseConfig
from generators.generated import Generated
from workbench import metrics
from workbench.evaluation import EvaluationConfig
from workbench.evaluation.diversity import spreads
from workbench.laboratory import Laboratory
from workbench.summary import FrontierPoint
from workbench.yardstick import Predictions, Yardstick


def noise_frontiers(laboratory: Laboratory, evaluation: EvaluationConfig) -> list[FrontierPoint]:
    """What novelty costs without learning, over noise levels in units of the training weights' spread.

    ``noise``: the nearest training network, adapted, plus noise: the same information that a generator has.
    ``noise-oracle``: a network really trained for that very architecture, plus noise.
    """
    levels = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
    yardstick = laboratory.test
    noise = NoiseBaseline(NoiseConfig(token_width=laboratory.zoo.config.token_width))
    noise.fit(laboratory.zoo.training)
    blueprints = [b for b in yardstick.blueprints for _ in range(evaluation.latents)]
    seeds = list(range(len(blueprints)))
    oracle_of = [n * yardstick.seeds for n in range(len(yardstick.blueprints)) for _ in range(evaluation.latents)]
    points = []
    for level in levels:
        points.append(_frontier_point("noise", level, noise.with_sigma(level).generate(blueprints, seeds), yardstick))
        oracle = noise.perturb(yardstick.networks.select(oracle_of), level, seeds)
        points.append(_frontier_point("noise-oracle", level, oracle, yardstick))
    return points


def _frontier_point(baseline: str, sigma: float, networks: Generated, yardstick: Yardstick) -> FrontierPoint:
    predictions = Predictions.of(networks, yardstick.split)
    everything = np.ones((len(yardstick.blueprints), len(networks) // len(yardstick.blueprints)), dtype=bool)
    return FrontierPoint.model_validate(
        {
            "baseline": baseline,
            "sigma": sigma,
            "score": float(np.nan_to_num(predictions.scores).mean()),
            "max_iou": float(metrics.max_iou(predictions.errors, yardstick.training.errors).mean()),
            "spread": float(np.nanmean(spreads(predictions.errors, everything))),
        }
    )
