"""Score against sparsity: generated sparse networks beside magnitude pruning of dense ones."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from generators.generated import Generated
from generators.generator import Generator
from workbench import metrics
from workbench.evaluation.config import EvaluationConfig
from workbench.export.compaction import active_parameters
from workbench.summary import CurvePoint
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo.train import prune_neurons

CURVE_LATENTS = 2
"""Networks per architecture in a sparsity curve."""


def sparsity_of(networks: Generated) -> np.ndarray:
    """Share of each network's parameters that compaction removes, ``[networks]``."""
    total = np.array([blueprint.parameter_count for blueprint in networks.blueprints], dtype=np.float64)
    return 1.0 - active_parameters(networks).cpu().numpy() / total


def magnitude_pruned(networks: Generated, density: float) -> Generated:
    """The same weights with the weakest hidden neurons closed (see ``prune_neurons``)."""
    densities = torch.full((len(networks),), density)
    return replace(networks, open_neurons=prune_neurons(networks.layout, networks.tokens, densities))


def sparsity_curve(
    generator: Generator, dense: Generated, yardstick: Yardstick, config: EvaluationConfig
) -> list[CurvePoint]:
    """Three curves over the densities of ``config``; the score is the mean over test architectures.

    Two networks of each architecture are enough for it.
    ``generated``: the generator is asked for the density. ``magnitude``: its dense networks, pruned.
    ``real-magnitude``: really trained networks, pruned, not trained again.
    """
    few = min(CURVE_LATENTS, config.latents)
    chosen = [i * config.latents + j for i in range(len(yardstick.blueprints)) for j in range(few)]
    dense = dense.select(chosen)
    points: list[CurvePoint] = []
    for density in config.curve:
        asked = generator.generate(dense.blueprints, [config.seed + i for i in chosen], density)
        points.append(_point("generated", asked, yardstick, few))
        points.append(_point("magnitude", magnitude_pruned(dense, density), yardstick, few))
    return [*points, *_real_curve(yardstick, config.curve)]


@lru_cache(maxsize=2)
def _real_curve(yardstick: Yardstick, densities: tuple[float, ...]) -> tuple[CurvePoint, ...]:
    """One real network of each architecture, pruned; the same for every generator."""
    first = yardstick.networks.select(range(0, len(yardstick.networks), yardstick.seeds))
    return tuple(_point("real-magnitude", magnitude_pruned(first, d), yardstick, 1) for d in densities)


def _point(source: str, networks: Generated, yardstick: Yardstick, latents: int) -> CurvePoint:
    scores = np.nan_to_num(Predictions.of(networks, yardstick.split).scores).reshape(-1, latents).mean(1)
    interval = metrics.bootstrap(scores)
    return CurvePoint.model_validate(
        {
            "source": source,
            "sparsity": float(sparsity_of(networks).mean()),
            "mean": interval.mean,
            "low": interval.low,
            "high": interval.high,
        }
    )
