"""How sure a mean is: bootstrap intervals, and paired differences.

Dimensions: ``samples`` = the independent units (architectures, or seeds), never single examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from workbench.metrics.checks import as_floats, at_least, refusal, same_length

Statistic = Literal["mean", "median"]
_BLOCK = 1 << 22  # resampled entries held at once: 32 MiB


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval.

    Attributes:
        mean: the figure itself (the median, where that was asked for).
        low: lower end, never above ``mean``.
        high: upper end, never below ``mean``.
        n: number of samples behind it.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference may be claimed; never from one sample, whose interval has no width."""
        return self.n > 1 and (self.low > 0 or self.high < 0)


def bootstrap(
    values: Float[np.ndarray, " samples"],
    *,
    seed: int = 0,
    resamples: int = 2000,
    statistic: Statistic = "mean",
) -> Interval:
    """The mean (or median) with a 95 % percentile bootstrap interval, in the unit of the values.

    One sample gives an interval of no width. Percentile intervals are too narrow below about ten samples.

    Args:
        values: one figure per independent unit.
        seed: of the resampling; the same seed gives the same interval.
        resamples: how many times to draw ``samples`` values with replacement.
        statistic: ``mean`` or ``median``.

    Raises:
        WeightloomError: no values, a NaN or infinity, fewer than one resample, an unknown statistic.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    array = as_floats("bootstrap", values, 1)
    at_least("bootstrap", resamples, 1, "resamples")
    if statistic not in ("mean", "median"):
        raise refusal("bootstrap", expected="mean or median", got=statistic, remedy="Choose one of the two.")
    summary = np.mean if statistic == "mean" else np.median
    middle, n = float(summary(array)), array.size
    if n == 1:
        return Interval(middle, middle, middle, 1)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // n)
    drawn = [
        summary(array[rng.integers(n, size=(min(rows, resamples - start), n))], axis=1)
        for start in range(0, resamples, rows)
    ]
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    # Rounding, or very few resamples, may leave the figure a hair outside; a chart needs low <= mean <= high.
    return Interval(middle, min(float(low), middle), max(float(high), middle), n)


def paired_difference(
    a: Float[np.ndarray, " samples"],
    b: Float[np.ndarray, " samples"],
    *,
    seed: int = 0,
    resamples: int = 2000,
    statistic: Statistic = "mean",
) -> Interval:
    """The interval of ``a - b``, pair by pair; positive = ``a`` is higher.

    Claim a difference only where `Interval.excludes_zero`.

    Args:
        a: one figure per unit.
        b: the figure of the other side for the same unit, in the same order.
        seed: of the resampling.
        resamples: number of resamples.
        statistic: ``mean`` or ``median`` of the differences.

    Raises:
        WeightloomError: sides of different length, and as `bootstrap`.
    """
    left, right = as_floats("paired_difference", a, 1), as_floats("paired_difference", b, 1)
    same_length("paired_difference", left, right, axis=0)
    return bootstrap(left - right, seed=seed, resamples=resamples, statistic=statistic)


def bootstrap_curve(
    curves: Float[np.ndarray, "samples points"], *, seed: int = 0, resamples: int = 2000
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Mean, low and high ends of the 95 % percentile bootstrap interval at each point of several curves.

    Whole curves are drawn, the same at every point, so that the band has the smoothness of the curves.

    Args:
        curves: one row per independent unit; finite.
        seed: of the resampling.
        resamples: number of resamples.

    Raises:
        WeightloomError: no curves, or a NaN or infinity.
    """
    rows = as_floats("bootstrap_curve", curves, 2)
    count = rows.shape[0]
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    means = draws @ rows / count
    middle = rows.mean(axis=0)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return middle, np.minimum(low, middle), np.maximum(high, middle)


def resampled(count: int, statistic: Callable[[np.ndarray], float], *, seed: int = 0, resamples: int = 300) -> Interval:
    """Percentile bootstrap of any figure of ``count`` units, which is given the indices of a sample of them.

    Args:
        count: how many units there are.
        statistic: of the units whose indices it is given; of all in their order it is the interval's mean.
        seed: of the resampling.
        resamples: number of resamples.
    """
    index = np.random.default_rng(seed).integers(count, size=(resamples, count))
    low, high = np.quantile([float(statistic(chosen)) for chosen in index], [0.025, 0.975])
    mean = float(statistic(np.arange(count)))
    return Interval(mean=mean, low=min(mean, float(low)), high=max(mean, float(high)), n=count)
