"""Collapse and novelty of generated networks, over valid ones only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from workbench import metrics
from workbench.metrics import Interval
from workbench.yardstick import Predictions, Yardstick

# dimension names: architectures, latents, networks = architectures x latents

BOOTSTRAPS = 500


def spreads(
    errors: Bool[np.ndarray, "networks examples"], valid: Bool[np.ndarray, "architectures latents"]
) -> Float[np.ndarray, " architectures"]:
    """Mean pairwise 1 − error IoU of the valid networks of each architecture; NaN where fewer than two are."""
    grouped = errors.reshape(*valid.shape, -1)
    return np.array(
        [metrics.spread(own[keep]) if keep.sum() >= 2 else np.nan for own, keep in zip(grouped, valid, strict=True)]
    )


def collapse_interval(
    own: Float[np.ndarray, " architectures"], real: Float[np.ndarray, " architectures"], seed: int = 0
) -> Interval | None:
    """Collapse from the mean spreads over architectures where both exist, with a bootstrap over these."""
    known = np.isfinite(own)
    own, real = own[known], real[known]
    if not len(own) or real.mean() == 0:
        return None
    index = np.random.default_rng(seed).integers(len(own), size=(BOOTSTRAPS, len(own)))
    means = real[index].mean(1)
    resampled = 1.0 - np.minimum(1.0, own[index].mean(1) / np.where(means > 0, means, np.inf))
    low, high = np.quantile(resampled, [0.025, 0.975])
    mean = metrics.collapse(float(own.mean()), float(real.mean()))
    return Interval(mean=mean, low=min(mean, float(low)), high=max(mean, float(high)), n=len(own))


def novelty(
    predictions: Predictions, valid: Bool[np.ndarray, "architectures latents"], yardstick: Yardstick
) -> dict[str, Interval]:
    """Function-space novelty and diversity of the valid networks; empty where fewer than two are valid."""
    keep = valid.reshape(-1)
    if keep.sum() < 2:
        return {}
    probabilities, errors = predictions.probabilities[keep], predictions.errors[keep]
    training, real = yardstick.training, yardstick.real
    to_training = metrics.hellinger(probabilities, training.probabilities)
    real_to_training = metrics.hellinger(real.probabilities, training.probabilities)
    held_out_nearest = float(metrics.nearest(real_to_training).mean())
    found = {
        "max_iou": metrics.bootstrap(metrics.max_iou(errors, training.errors)),
        "max_iou_real": metrics.bootstrap(metrics.max_iou(real.errors, training.errors)),
        "rho_function": metrics.bootstrap(metrics.nearest(to_training) / held_out_nearest),
        "copy_share": alone(metrics.replica_share(to_training), int(keep.sum())),
        "distance_to_mean_ratio": alone(
            metrics.distance_to_mean_ratio(probabilities, real.probabilities, training.probabilities),
            int(keep.sum()),
        ),
    }
    distances = metrics.Distances.between(real.probabilities, probabilities)
    if min(len(probabilities), len(real.probabilities)) > 6:
        prdc = metrics.prdc(distances)
        found |= {
            name: alone(getattr(prdc, name), int(keep.sum())) for name in ("precision", "recall", "density", "coverage")
        }
        found["mmd"] = alone(metrics.mmd(distances), int(keep.sum()))
        found["one_nn"] = alone(metrics.one_nn(distances), int(keep.sum()))
    grouped = predictions.errors.reshape(*valid.shape, -1)
    kernels = [
        metrics.pairwise_error_iou(own[mine]) for own, mine in zip(grouped, valid, strict=True) if mine.sum() >= 2
    ]
    if kernels:
        found["vendi"] = metrics.bootstrap(np.array([metrics.vendi(kernel) for kernel in kernels]))
        means = [float(k[np.triu_indices(len(k), 1)].mean()) for k in kernels]
        found["error_iou"] = metrics.bootstrap(np.array(means))
        rates = [own[mine].mean(1) for own, mine in zip(grouped, valid, strict=True) if mine.sum() >= 2]
        found["error_iou_chance"] = metrics.bootstrap(
            np.array([float(metrics.chance_iou(float(r.mean()), float(r.mean()))) for r in rates])
        )
    return found


def verdict_of(found: Mapping[str, Interval]) -> metrics.Verdict:
    """The verdict from the means of the figures found."""
    return metrics.verdict({name: interval.mean for name, interval in found.items()})


def alone(value: float, n: int) -> Interval:
    """A figure of a whole set, without an interval of its own."""
    value = float(value)
    return Interval(mean=value, low=value, high=value, n=n)
