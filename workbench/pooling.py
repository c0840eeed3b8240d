"""One row from several repeats of an experiment on zoos, architectures and seeds of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from workbench import metrics
from workbench.evaluation.evaluate import labelled
from workbench.metrics.registry import METRICS
from workbench.summary import BriefPoint, CurvePoint, Estimate, FrontierPoint, GeneratorSummary, Spend

WIDTH = 1.96
"""Standard errors from a mean to the end of its 95 % interval."""


def pooled(parts: Sequence[Estimate | None], least: float | None = None, most: float | None = None) -> Estimate | None:
    """The mean over repeats with an interval for it; ``None`` where no repeat has the figure.

    The squared standard error is what the repeats' own intervals say (each over its architectures) plus what the
    repeats differ by, both over the number of repeats; the interval is Student's with the degrees of freedom of
    Satterthwaite (1946, Biometrics Bulletin 2, eq. 17), as few repeats know little of what they differ by.

    Args:
        parts: one for each repeat; ``None`` or without a mean where it was not measured.
        least: end of the figure's range, which the interval is cut to.
        most: the other end.
    """
    known = [part for part in parts if part is not None and part.mean is not None]
    if not known:
        return None
    means = np.array([part.mean for part in known], dtype=np.float64)
    within = np.mean([_error(part) ** 2 for part in known])
    between = means.var(ddof=1) if len(known) > 1 else 0.0
    half = 0.0
    if within + between > 0:
        known_by = (within + between) ** 2 / (between**2 / max(1, len(known) - 1)) if between > 0 else math.inf
        half = float(student.ppf(0.975, known_by)) * math.sqrt((within + between) / len(known))
    mean = float(means.mean())
    low = mean - half if least is None else max(least, mean - half)
    high = mean + half if most is None else min(most, mean + half)
    return Estimate(mean=mean, low=min(low, mean), high=max(high, mean), n=sum(part.n for part in known))


def pooled_generators(parts: Sequence[GeneratorSummary]) -> GeneratorSummary:
    """One generator over repeats: pooled figures, the verdict on these, every architecture of every repeat.

    The overlap matrix is that of the first repeat; a setting that was tuned to several values is a list of them.
    """
    first = parts[0]
    names = dict.fromkeys(name for part in parts for name in part.metrics)
    found = {}
    for name in names:
        least, most = (METRICS[name].low, METRICS[name].high) if name in METRICS else (None, None)
        estimate = pooled([part.metrics.get(name) for part in parts], least, most)
        if estimate is not None:
            found[name] = estimate
    judged = metrics.verdict({name: estimate.mean for name, estimate in found.items()})
    return GeneratorSummary(
        kind=first.kind,
        family=first.family,
        mode=first.mode,
        config={key: _one_or_all([part.config.get(key) for part in parts]) for key in first.config},
        budget=Spend(
            steps=round(float(np.mean([part.budget.steps for part in parts]))),
            seconds=float(np.mean([part.budget.seconds for part in parts])),
        ),
        metrics=found,
        verdict=list(labelled(judged)),
        architectures=[row for part in parts for row in part.architectures],
        repeats=len(parts),
        sparsity_curve=_curves([part.sparsity_curve for part in parts]),
        overlap=first.overlap,
    )


def pooled_frontiers(parts: Sequence[Sequence[FrontierPoint]]) -> list[FrontierPoint]:
    """The mean frontier; the repeats have the same levels of noise."""
    return [
        FrontierPoint(
            baseline=points[0].baseline,
            sigma=points[0].sigma,
            **{key: float(np.mean([getattr(p, key) for p in points])) for key in ("score", "max_iou", "spread")},
        )
        for points in zip(*parts, strict=True)
    ]


def pooled_brief(parts: Sequence[Sequence[BriefPoint]]) -> list[BriefPoint]:
    """Brief training over repeats; the learning rate is the geometric mean of those chosen."""
    found = []
    for points in zip(*parts, strict=True):
        fidelity, valid = pooled([p.fidelity for p in points], 0), pooled([p.valid for p in points], 0, 1)
        assert fidelity is not None, "a repeat without fidelity has no point"
        assert valid is not None, "a repeat without fidelity has no point"
        found.append(
            BriefPoint(
                steps=points[0].steps,
                learning_rate=math.exp(float(np.mean([math.log(p.learning_rate) for p in points]))),
                milliseconds=float(np.mean([p.milliseconds for p in points])),
                fidelity=fidelity,
                collapse=pooled([p.collapse for p in points], 0, 1),
                valid=valid,
            )
        )
    return found


def _error(part: Estimate) -> float:
    if part.low is None or part.high is None:
        return 0.0
    return (part.high - part.low) / (2 * WIDTH)


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else values


def _curves(parts: Sequence[Sequence[CurvePoint]]) -> list[CurvePoint]:
    """Point by point, in the order of their sources; the repeats ask for the same densities."""
    if len({len(part) for part in parts}) != 1:
        return list(parts[0])
    found = []
    for points in zip(*parts, strict=True):
        value = pooled([Estimate(mean=p.mean, low=p.low, high=p.high, n=1) for p in points])
        assert value is not None, "a curve's points have means"
        found.append(
            CurvePoint.model_validate(
                {
                    "source": points[0].source,
                    "kind": points[0].kind,
                    "sparsity": float(np.mean([p.sparsity for p in points])),
                    "mean": value.mean,
                    "low": value.low,
                    "high": value.high,
                }
            )
        )
    return found
