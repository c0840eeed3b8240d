"""Whether one generator is shown to be better than another.

A difference is claimed where the 95 % interval of the paired difference excludes 0: both were measured on the same test
architectures, and an architecture that is hard for one is mostly hard for the other. Where there are no pairs (other
architectures, or a figure that is none of single architectures, as collapse) it is claimed where two intervals do not
overlap, which is stricter: what it leaves open may still exist.
"""

from __future__ import annotations

from typing import Literal

from workbench.summary import ArchitectureRow, Estimate, GeneratorSummary

Outcome = Literal["better", "worse", "no difference", "unknown"]
MARGIN = 0.05
HIGHER_IS_BETTER = {"fidelity": True, "collapse": False, "max_iou": False}
PAIRED = ("fidelity", "max_iou")
"""Figures that are means over architectures of what each row says."""


def compare(first: GeneratorSummary, second: GeneratorSummary, metric: str) -> Outcome:
    """Whether ``first`` is better than ``second`` in one metric of `HIGHER_IS_BETTER`.

    ``unknown`` where a mean or an interval is missing; ``no difference`` where `paired_difference` has 0 within its
    interval or, without pairs, where the two intervals overlap.
    """
    a, b = first.metrics.get(metric), second.metrics.get(metric)
    if a is None or b is None or a.mean is None or b.mean is None:
        return "unknown"
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return "unknown"
    paired = paired_difference(first, second, metric)
    if paired is not None and paired.low is not None and paired.high is not None:
        above, below = paired.low > 0, paired.high < 0
    else:
        above, below = a.low > b.high, a.high < b.low
    if not above and not below:
        return "no difference"
    return "better" if above == HIGHER_IS_BETTER[metric] else "worse"


def paired_difference(first: GeneratorSummary, second: GeneratorSummary, metric: str) -> Estimate | None:
    """Mean of first less second over the same test architectures, with a 95 % bootstrap interval over these.

    Rows of several repeats, each on a zoo of its own, are compared repeat by repeat and pooled as any figure is. None
    without pairs: other architectures, fewer than two in a repeat, a missing figure, or a metric that is not `PAIRED`.
    """
    ours, theirs = first.architectures, second.architectures
    repeats = first.repeats
    same = [row.key for row in ours] == [row.key for row in theirs] and repeats == second.repeats
    if metric not in PAIRED or not same or len(ours) % repeats or len(ours) < 2 * repeats:
        return None
    differences = [_difference(a, b, metric) for a, b in zip(ours, theirs, strict=True)]
    known = [value for value in differences if value is not None]
    if len(known) < len(differences):
        return None
    import numpy as np

    from workbench import metrics

    each = len(known) // repeats
    parts = [Estimate.of(metrics.bootstrap(np.array(known[i : i + each]))) for i in range(0, len(known), each)]
    if repeats == 1:
        return parts[0]
    from workbench.pooling import pooled

    return pooled(parts)


def _difference(ours: ArchitectureRow, theirs: ArchitectureRow, metric: str) -> float | None:
    a, b = (row.fidelity if metric == "fidelity" else row.max_iou for row in (ours, theirs))
    return None if a is None or b is None else a - b


def advantage(family: GeneratorSummary, baseline: GeneratorSummary) -> Literal["fidelity", "diversity"] | None:
    """What a family is shown to do better than a baseline, if anything.

    ``fidelity``: shown to be higher. ``diversity``: fidelity at most `MARGIN` lower, and shown to be less
    collapsed or to overlap less with its training networks. Beyond the margin diversity does not count:
    broken networks look wonderfully diverse. For `noise`, which buys diversity with fidelity at will, the
    margin is none: the fidelity must lie within its interval.
    """
    if compare(family, baseline, "fidelity") == "better":
        return "fidelity"
    own, theirs = family.metrics.get("fidelity"), baseline.metrics.get("fidelity")
    if own is None or own.mean is None or theirs is None or theirs.mean is None or theirs.low is None:
        return None
    if own.mean < (theirs.low if baseline.family == "noise" else theirs.mean - MARGIN):
        return None
    shown_better = any(compare(family, baseline, metric) == "better" for metric in ("collapse", "max_iou"))
    return "diversity" if shown_better else None


def trade_off(generator: GeneratorSummary) -> float | None:
    """``fidelity × (1 − collapse)``: the fidelity that is left per unit of real training's diversity."""
    fidelity, collapse = generator.mean("fidelity"), generator.mean("collapse")
    return None if fidelity is None or collapse is None else fidelity * (1 - collapse)
