"""The figure of sparsity: how much score is left when weights are zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.fronts import SOURCES
from workbench.report.plot import Data, Entry, Figure, Panel, axis, layout
from workbench.summary import CurvePoint, Summary, shown

LOOKS = {
    "generated": (SOURCES["generated"], "#2f7fc1", "solid", "circle"),
    "magnitude": (SOURCES["magnitude"], "#d55e00", "dash", "square"),
    "real-magnitude": (SOURCES["real-magnitude"], "#009e73", "dot", "diamond"),
}
KINDS = {"neurons": "", "weights": ", single weights"}
"""What is taken away → what a plot's title says of it."""


def sparsity(summary: Summary) -> Figure:
    """Score against sparsity, one small plot per generator, with magnitude pruning beside it.

    Networks without neurons and networks without single weights are never in one plot: equal shares of zero weights
    cost differently.
    """
    curves = {name: generator.sparsity_curve for name, generator in summary.generators.items()}
    points = [point for curve in curves.values() for point in curve]
    top = max((point.high for point in points), default=1.0)
    bottom = min((point.low for point in points), default=0.0)
    pad = 0.05 * (top - bottom or 1.0)
    panels = []
    for name, curve in curves.items():
        for kind, suffix in KINDS.items():
            own = [point for point in curve if point.kind == kind]
            data = [trace for source in LOOKS for trace in _curve([p for p in own if p.source == source])]
            x = axis("share of zero weights", range=[-0.03, 1.03], tickformat=".0%")
            look = layout(x, axis("score", range=[bottom - pad, top + pad]), 280)
            if data:
                panels.append(Panel(title=name + suffix, spec={"data": data, "layout": look}))
    rows = [
        (name, SOURCES[p.source], p.kind, f"{p.sparsity:.0%}", *map(shown, (p.mean, p.low, p.high)))
        for name, curve in curves.items()
        for p in curve
    ]
    return Figure(
        key="sparsity",
        title="How little is needed?",
        alt=f"{len(panels)} line charts of score against sparsity; the numbers follow as a table.",
        read="How to read it: the further right a line stays high, the fewer weights are needed; generated "
        "sparsity pays only where its line runs above both pruned ones.",
        empty="No sparsity curve was recorded in this run.",
        panels=panels,
        data=Data(
            caption="Score against sparsity",
            columns=("generator", "networks", "without", "zero weights", "score", "low", "high"),
            rows=rows,
        ),
        legend=[Entry(label=a, colour=b, line=c, symbol=d) for a, b, c, d in LOOKS.values()],
    )


def _curve(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    if not points:
        return []
    points = sorted(points, key=lambda point: point.sparsity)
    label, colour, dash, symbol = LOOKS[points[0].source]
    x = [point.sparsity for point in points]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": x + x[::-1],
        "y": [point.high for point in points] + [point.low for point in points][::-1],
        "fill": "toself",
        "fillcolor": f"rgba({','.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))},0.16)",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": [point.mean for point in points],
        "line": {"color": colour, "dash": dash, "width": 2},
        "marker": {"color": colour, "symbol": symbol, "size": 6},
        "hovertemplate": f"{label}<br>%{{x:.0%}} zero: %{{y:.3f}}<extra></extra>",
    }
    return [band, line]
