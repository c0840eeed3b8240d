"""One verdict per generator: what its figures say it does, with the sentence that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where the rules of `verdict` draw the line.

    Attributes:
        valid: least share of valid networks.
        rho_function: least novelty in function space, as a share of a real network's.
        as_new: novelty in function space from which on overlapping errors are no sign of copying.
        max_iou_margin: how far ``max_iou`` may lie above that of held-out real networks.
        distance_to_mean_ratio: least distance to the mean prediction, as a share of a real network's; the
            average of four independent networks has about 0.5.
        collapse: largest tolerated loss of diversity.
    """

    valid: float = 0.5
    rho_function: float = 0.5
    as_new: float = 1.0
    max_iou_margin: float = 0.05
    distance_to_mean_ratio: float = 0.5
    collapse: float = 0.5


@dataclass(frozen=True)
class Verdict:
    """What `verdict` found.

    Attributes:
        labels: among ``off-manifold``, ``copy``, ``contraction``, ``collapsed``, ``novel``; empty where
            nothing is wrong as far as is known but a figure is missing.
        reasons: one plain sentence for each rule that decided, then one for each that could not be judged.
    """

    labels: tuple[str, ...]
    reasons: tuple[str, ...]


def verdict(figures: Mapping[str, float | None], thresholds: Thresholds | None = None) -> Verdict:
    """Judge a generator by its figures.

    - ``off-manifold``: ``valid`` below its threshold. It ends the verdict: the other figures are taken over
      valid networks only, and would speak of a chosen few.
    - ``copy``: ``rho_function`` below its threshold, or, where it is below ``as_new``, ``max_iou`` above
      ``max_iou_real`` + margin. Networks as far from T as real ones are no copies for sharing their mistakes:
      whatever is less accurate than real networks overlaps more, also what was trained from fresh weights.
    - ``contraction``: ``distance_to_mean_ratio`` below its threshold (networks huddle at the average).
    - ``collapsed``: ``collapse`` above its threshold.
    - ``novel``: all figures were there and none of the rules above applied.

    A figure that is exactly at its threshold passes. A figure that is absent, None, NaN or infinite leaves
    its rule unjudged, and without all rules judged nothing is ``novel``.

    Args:
        figures: by name, as in `METRICS`; those that no rule names are ignored.
        thresholds: the lines; by default those of `Thresholds`.

    Source: METRICS.md, Novelty (verdict).
    """
    lines = thresholds or Thresholds()
    gate = ("off-manifold", "valid", "below", lines.valid)
    overlap = ("copy", "max_iou", "above", _figure(figures, "max_iou_real") + lines.max_iou_margin)
    rules = (
        ("copy", "rho_function", "below", lines.rho_function),
        *(() if _figure(figures, "rho_function") >= lines.as_new else (overlap,)),
        ("contraction", "distance_to_mean_ratio", "below", lines.distance_to_mean_ratio),
        ("collapsed", "collapse", "above", lines.collapse),
    )
    labels: list[str] = []
    proofs: list[str] = []
    unjudged: list[str] = []
    for label, name, side, line in (gate, *rules):
        value = _figure(figures, name)
        if not isfinite(value) or not isfinite(line):
            missing = name if not isfinite(value) else f"{name}_real"
            unjudged.append(f"Not judged for {label}: the figure {missing} is missing.")
        elif value < line if side == "below" else value > line:
            labels.append(label)
            proofs.append(f"{label}: {name} is {value:.4g}, {side} the threshold of {line:.4g}.")
            if label == gate[0]:
                return Verdict((label,), tuple(proofs))
    if not labels and not unjudged:
        labels.append("novel")
        proofs.append(f"novel: all {1 + len(rules)} figures are on the good side of their thresholds.")
    return Verdict(tuple(dict.fromkeys(labels)), (*proofs, *unjudged))


def _figure(figures: Mapping[str, float | None], name: str) -> float:
    value = figures.get(name)
    return value if value is not None and isfinite(value) else nan
