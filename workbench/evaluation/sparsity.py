"""Score against sparsity: generated sparse networks beside magnitude pruning of dense ones."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np
import torch

from generators.connectivity import heaviest, keep_strongest
from generators.generated import Generated
from generators.generator import Generator
from generators.heads import to_values
from workbench import metrics
from workbench.evaluation.config import EvaluationConfig
from workbench.export.compaction import active_parameters
from workbench.summary import CurvePoint
from workbench.yardstick import Predictions, Yardstick

Kind = Literal["neurons", "weights"]
"""What is taken away."""
CURVE_LATENTS = 2
"""Networks per architecture in a sparsity curve."""


def sparsity_of(networks: Generated) -> np.ndarray:
    """Share of each network's parameters that are zero weights or that compaction removes, ``[networks]``."""
    return share_removed(networks, active_parameters(networks).numpy())


def share_removed(networks: Generated, active: np.ndarray) -> np.ndarray:
    """`sparsity_of` where the active parameters ``[networks]`` are known."""
    return 1.0 - active / np.array([blueprint.parameter_count for blueprint in networks.blueprints], dtype=np.float64)


def magnitude_pruned(networks: Generated, share: float, kind: Kind = "neurons") -> Generated:
    """The same networks with ``share`` of their hidden neurons or of their weights, the strongest.

    How much of a layer stays is decided as for generators: neurons by ``keep_strongest``, whose strength is the norm of
    their incoming weights in natural units, weights by ``heaviest``.
    """
    layout, tokens = networks.layout, networks.tokens
    shares = torch.full((len(networks),), share, device=tokens.device)
    if kind == "neurons":
        values, _ = to_values(networks)
        return replace(networks, open_neurons=keep_strongest(layout, values.square().sum(-1), shares))
    kept = heaviest(layout, tokens, networks.open_neurons, shares)
    return replace(networks, tokens=torch.where(kept, tokens, 0.0))


def sparsity_curve(
    generator: Generator, dense: Generated, yardstick: Yardstick, config: EvaluationConfig
) -> list[CurvePoint]:
    """Three curves over the densities of ``config``, and three over its shares of weights.

    The score is the mean over test architectures; two networks of each are enough for it.
    ``generated``: the generator is asked for the share. ``magnitude``: its dense networks, pruned.
    ``real-magnitude``: really trained networks, pruned, not trained again.
    """
    few = min(CURVE_LATENTS, config.latents)
    chosen = [i * config.latents + j for i in range(len(yardstick.blueprints)) for j in range(few)]
    seeds = [config.seed + i for i in chosen]
    dense = dense.select(chosen)
    points: list[CurvePoint] = []
    for density in config.curve:
        asked = generator.generate(dense.blueprints, seeds, density)
        points.append(_point("generated", asked, yardstick, few, "neurons"))
        points.append(_point("magnitude", magnitude_pruned(dense, density), yardstick, few, "neurons"))
    points += _real_curve(yardstick, config.curve, "neurons")
    for weights in config.weights_curve:
        asked = generator.generate(dense.blueprints, seeds, weights=weights)
        points.append(_point("generated", asked, yardstick, few, "weights"))
        points.append(_point("magnitude", magnitude_pruned(dense, weights, "weights"), yardstick, few, "weights"))
    return [*points, *_real_curve(yardstick, config.weights_curve, "weights")]


@lru_cache(maxsize=4)
def _real_curve(yardstick: Yardstick, shares: tuple[float, ...], kind: Kind) -> tuple[CurvePoint, ...]:
    """One real network of each architecture, pruned; the same for every generator."""
    first = yardstick.networks.select(range(0, len(yardstick.networks), yardstick.seeds))
    return tuple(_point("real-magnitude", magnitude_pruned(first, s, kind), yardstick, 1, kind) for s in shares)


def _point(source: str, networks: Generated, yardstick: Yardstick, latents: int, kind: Kind) -> CurvePoint:
    scores = np.nan_to_num(Predictions.of(networks, yardstick.split).scores).reshape(-1, latents).mean(1)
    interval = metrics.bootstrap(scores)
    return CurvePoint.model_validate(
        {
            "source": source,
            "kind": kind,
            "sparsity": float(sparsity_of(networks).mean()),
            "mean": interval.mean,
            "low": interval.low,
            "high": interval.high,
        }
    )
