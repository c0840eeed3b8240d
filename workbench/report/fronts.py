"""The figure of the fronts: accuracy against sparsity, every family beside pruned and dense real networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from workbench.fronts import KINDS, SOURCES, Front, fronts, non_dominated
from workbench.report.plot import (
    BASELINE_COLOUR,
    Data,
    Entry,
    Figure,
    Panel,
    axis,
    entry,
    layout,
    style,
    text,
)
from workbench.summary import MISSING, Summary, TrialSummary, shown

DASHES = {"generated": "solid", "magnitude": "dash", "real-magnitude": "dot"}
LIMITS = ("max_active_parameters", "max_active_share")
"""Keys of the budget that say what networks may cost."""


def against_sparsity(summary: Summary) -> Figure:
    """The fronts of test score and sparsity, and that of the trials' validation fidelity and active parameters."""
    looks = style(summary)
    found = fronts(summary)
    panels = [_front_panel([f for f in found if f.kind == kind], looks, f"without {KINDS[kind]}") for kind in KINDS
              if any(f.kind == kind for f in found)]  # fmt: skip
    legend = [entry(name, looks[name]) for name in dict.fromkeys(f.generator for f in found) if name in looks]
    panels += (searched := _trials_panel(summary, looks))
    if searched:
        seen = {item.label for item in legend}
        families = {t.family for t in summary.trials}
        more = {g.family: looks[name] for name, g in summary.generators.items() if g.family in families}
        legend += [entry(family, look) for family, look in more.items() if family not in seen]
    sources = dict.fromkeys(f.source for f in found)
    legend += [Entry(label=SOURCES[source], colour=BASELINE_COLOUR, line=DASHES[source]) for source in sources]
    limits = [f"{key.replace('_', ' ')} {shown(float(value))}" for key in LIMITS
              if isinstance(value := summary.budget.get(key), int | float)]  # fmt: skip
    kept = f" This sweep asked for {' and '.join(limits)}; trials that exceed it are pale." if limits else ""
    return Figure(
        key="fronts",
        title="Accuracy against sparsity: the fronts",
        alt=f"{len(panels)} plots of score against sparsity, {len(found)} fronts; the numbers follow as a table.",
        read="How to read it: lines join the networks that no other of their kind beats in both accuracy and sparsity, "
        "pale marks are beaten by one of them; a family pays where its solid line runs above its own dashed one and "
        f"the dotted one of real networks.{kept}",
        empty="No sparsity curve was recorded in this run, and its trials do not differ in active parameters.",
        panels=panels,
        legend=legend,
        data=Data(
            caption="Points of the fronts; best = beaten by no point of any line of the same plot",
            columns=("generator", "networks", "without", "zero parameters", "score", "low", "high", "best"),
            rows=[
                (
                    f.generator,
                    SOURCES[f.source],
                    KINDS[f.kind],
                    f"{p.sparsity:.1%}",
                    *map(shown, (p.mean, p.low, p.high)),
                    "best" if best else MISSING,
                )
                for f in found
                for p, best in zip(f.points, f.best, strict=True)
            ],
        ),
    )


def _front_panel(found: Sequence[Front], looks: dict[str, dict[str, str]], title: str) -> Panel:
    data: list[dict[str, Any]] = []
    for front in found:
        look = looks.get(front.generator, {"color": BASELINE_COLOUR, "symbol": "star"})
        label = f"{front.generator}, {SOURCES[front.source]}"
        for points, mode in ((front.points, "lines+markers"), (front.dominated, "markers")):
            if points:
                data.append(
                    {
                        "type": "scatter",
                        "mode": mode,
                        "name": text(label),
                        "x": [p.sparsity for p in points],
                        "y": [p.mean for p in points],
                        "line": {"color": look["color"], "dash": DASHES[front.source], "width": 2},
                        "marker": {**look, "size": 8, "opacity": 1.0 if mode.startswith("lines") else 0.35},
                        "hovertemplate": f"{text(label)}<br>%{{x:.1%}} zero: %{{y:.3f}}<extra></extra>",
                    }
                )
    x = axis("share of zero parameters", range=[-0.03, 1.03], tickformat=".0%")
    return Panel(title=title, spec={"data": data, "layout": layout(x, axis("test score"), 380)})


def _trials_panel(summary: Summary, looks: dict[str, dict[str, str]]) -> list[Panel]:
    """Validation fidelity against active parameters, a front for each family; none where all trials are alike."""
    done = [t for t in summary.trials if None not in (t.values.get("fidelity"), t.values.get("active_parameters"))]
    if len({t.values["active_parameters"] for t in done}) < 2:
        return []
    own = {generator.family: looks[name] for name, generator in summary.generators.items()}
    data: list[dict[str, Any]] = []
    for family in dict.fromkeys(t.family for t in done):
        trials = [t for t in done if t.family == family]
        look = own.get(family, {"color": BASELINE_COLOUR, "symbol": "circle"})
        within = [t for t in trials if t.within is not False]
        kept = [within[i] for i in non_dominated([(-_active(t), t.values["fidelity"] or 0.0) for t in within])]
        front = sorted(kept, key=_active)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [_active(t) for t in front],
                "y": [t.values["fidelity"] for t in front],
                "line": {"color": look["color"], "width": 2},
                "hoverinfo": "skip",
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text(family),
                "x": [_active(t) for t in trials],
                "y": [t.values["fidelity"] for t in trials],
                "customdata": [t.number for t in trials],
                "marker": {**look, "size": 9, "opacity": [1.0 if t in kept else 0.35 for t in trials]},
                "hovertemplate": f"trial %{{customdata}} of {text(family)}<br>%{{x:.0f}} active parameters, "
                "fidelity %{y:.3f}<extra></extra>",
            }
        )
    title = "Trials of the search, on validation"
    shapes = []
    limit = summary.budget.get("max_active_parameters")
    if isinstance(limit, int | float) and math.isfinite(limit):
        line = {"color": BASELINE_COLOUR, "dash": "dash", "width": 1}
        shapes = [{"type": "line", "x0": limit, "x1": limit, "y0": 0, "y1": 1, "yref": "paper", "line": line}]
    look = layout(axis("active parameters"), axis("validation fidelity"), 380)
    return [Panel(title=title, spec={"data": data, "layout": {**look, "shapes": shapes}})]


def _active(trial: TrialSummary) -> float:
    return trial.values["active_parameters"] or 0.0
