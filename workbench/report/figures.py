"""The figures of the report, each made from a summary alone."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

from workbench.report.curves import sparsity
from workbench.report.fronts import against_sparsity
from workbench.report.plot import (
    BASELINE_COLOUR,
    SEQUENTIAL,
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
from workbench.report.trials import pareto
from workbench.summary import Estimate, FrontierPoint, GeneratorSummary, Summary, shown


def all_figures(summary: Summary) -> list[Figure]:
    """Every figure, in the order of the page."""
    return [
        plane(summary),
        collapse(summary),
        sparsity(summary),
        against_sparsity(summary),
        pareto(summary),
        architectures(summary),
    ]


NOVELTY = "novelty (1 - max_iou)"


def plane(summary: Summary) -> Figure:
    """Fidelity against novelty (1 − max_iou), with intervals and the frontiers of the noise baselines.

    A frontier is recorded in scores; they are divided by the mean real score of the test architectures.
    """
    looks = style(summary)
    data = _frontiers(summary)
    rows, absent = [], []
    for name, generator in summary.generators.items():
        fidelity, overlap = generator.metrics.get("fidelity"), generator.metrics.get("max_iou")
        if fidelity is None or overlap is None or fidelity.mean is None or overlap.mean is None:
            absent.append(name)
            continue
        novelty = 1 - overlap.mean
        rows.append((name, generator.kind, shown(novelty), shown(fidelity.mean)))
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text(name),
                "x": [novelty],
                "y": [fidelity.mean],
                "error_x": _bar(overlap, looks[name]["color"], mirrored=True),
                "error_y": _bar(fidelity, looks[name]["color"]),
                "marker": {"size": 15 if generator.kind == "real" else 11, **looks[name]},
                "hovertemplate": "novelty %{x:.3f}<br>fidelity %{y:.3f}",
            }
        )
    whole = layout(axis(NOVELTY), axis("fidelity"), 440)
    panels = [Panel(title="All generators", spec={"data": data, "layout": whole})]
    close = _close_up(summary)
    if close:
        panels.append(Panel(title="Close up on families and real networks", spec={"data": data, "layout": close}))
    return Figure(
        key="plane",
        title="Fidelity against novelty",
        alt=f"Scatter plot of fidelity against novelty, {len(rows)} generators; a table follows.",
        read="How to read it: up is as good as training, right is less like any training network; a family "
        "is worth its cost where its bars lie above and to the right of the dashed lines of mere noise."
        + (f" Not shown, as too few of their networks are valid: {', '.join(absent)}." if absent else ""),
        empty="No generator of this run has both fidelity and max_iou.",
        panels=panels if rows else [],
        data=Data(
            caption="Fidelity and novelty",
            columns=("generator", "kind", "novelty", "fidelity"),
            rows=rows,
        ),
        legend=[entry(name, looks[name]) for name, *_ in rows]
        + [Entry(label=t["name"], colour=BASELINE_COLOUR, line=t["line"]["dash"]) for t in data if "line" in t],
    )


def collapse(summary: Summary) -> Figure:
    """Error overlap between networks from different latents, one small map per family and for real ones."""
    panels, rows = [], []
    for name, generator in summary.generators.items():
        if generator.kind == "baseline" or not generator.overlap:
            continue
        size = range(1, len(generator.overlap) + 1)
        cells = [(i, j, v) for i, row in enumerate(generator.overlap) for j, v in enumerate(row)]
        pairs = [value for i, j, value in cells if i != j and value is not None]
        mean = fmean(pairs) if pairs else None
        rows.append((name, len(size), shown(mean)))
        heat = {
            "type": "heatmap",
            "z": generator.overlap,
            "x": list(size),
            "y": list(size),
            "zmin": 0,
            "zmax": 1,
            "xgap": 1,
            "ygap": 1,
            "showscale": False,
            "colorscale": [[i / (len(SEQUENTIAL) - 1), colour] for i, colour in enumerate(SEQUENTIAL)],
            "hovertemplate": "networks %{x} and %{y}<br>error overlap %{z:.3f}<extra></extra>",
        }
        hidden = {"visible": False, "fixedrange": True}
        flat = layout(hidden, {**hidden, "autorange": "reversed", "scaleanchor": "x"}, 190)
        panels.append(
            Panel(
                title=name,
                note=f"mean overlap {shown(mean)}",
                spec={"data": [heat], "layout": {**flat, "margin": {"l": 4, "r": 4, "t": 4, "b": 4}}},
            )
        )
    return Figure(
        key="collapse",
        title="Do different latents give different networks?",
        alt=f"{len(panels)} heat maps of the overlap of errors between networks of one test architecture.",
        read="How to read it: each cell compares two networks of the same test architecture; where the whole "
        "map is bright the generator emits one network again and again, and the map of real networks shows "
        "how different training makes them.",
        empty="No overlap between networks was recorded in this run.",
        panels=panels,
        data=Data(caption="Mean error overlap", columns=("generator", "networks", "mean overlap"), rows=rows),
        scale="error overlap: 0 = no error in common, 1 = the very same errors",
    )


def architectures(summary: Summary) -> Figure:
    """Score with generated weights against score after real training, one mark per test architecture."""
    looks = style(summary)
    data: list[dict[str, Any]] = []
    rows, ends = [], []
    for name, generator in summary.generators.items():
        for a in generator.architectures:
            rows.append((name, a.name, f"{a.parameters:,}", shown(a.score), shown(a.real_score)))
        found = [(a.real_score, a.score, a.name) for a in generator.architectures if a.score is not None]
        if generator.kind != "family" or not found:
            continue
        ends += [(real, score) for real, score, _ in found]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text(name),
                "x": [real for real, _, _ in found],
                "y": [score for _, score, _ in found],
                "customdata": [text(label) for _, _, label in found],
                "marker": {"size": 9, "opacity": 0.85, **looks[name]},
                "hovertemplate": "%{customdata}<br>trained %{x:.3f}, generated %{y:.3f}",
            }
        )
    legend = [entry(name, looks[name]) for name in summary.of_kind("family") if ends]
    if ends:
        legend.append(Entry(label="as good as training", colour=BASELINE_COLOUR, line="dash"))
        line = {"color": BASELINE_COLOUR, "dash": "dash", "width": 1}
        span = [min(map(min, ends)), max(map(max, ends))]
        data.append({"type": "scatter", "mode": "lines", "name": "as good as training", "x": span, "y": span,
                     "line": line, "hoverinfo": "skip"})  # fmt: skip
    pad = 0.06 * (max(x for x, _ in ends) - min(x for x, _ in ends)) or 0.01 if ends else 0.0
    wide = [min(x for x, _ in ends) - pad, max(x for x, _ in ends) + pad] if ends else None
    x, y = axis("score after real training", range=wide), axis("score with generated weights")
    return Figure(
        key="architectures",
        title="Architecture by architecture",
        alt=f"Scatter plot of generated against real scores of {len(ends)} networks.",
        read="How to read it: each mark is one architecture that no generator has seen; on the dashed line "
        "the generated network is as good as the trained one, and marks that rise with the line rank "
        "architectures rightly.",
        empty="No scores by architecture were recorded for a family.",
        panels=[Panel(title="", spec={"data": data, "layout": layout(x, y, 480)})] if ends else [],
        data=Data(
            caption="Scores by architecture",
            columns=("generator", "architecture", "parameters", "generated", "really trained"),
            rows=rows,
        ),
        legend=legend,
    )


def _close_up(summary: Summary) -> dict[str, Any] | None:
    """A layout that shows families and real networks larger; ``None`` where it would show little more."""
    spans: list[list[float]] = []
    for metric in ("max_iou", "fidelity"):
        ends = [
            [(g.kind == "baseline", value) for value in (e.mean, e.low, e.high) if value is not None]
            for g in summary.generators.values()
            if (e := g.metrics.get(metric)) and g.mean("fidelity") is not None and g.mean("max_iou") is not None
        ]
        every = [value for values in ends for _, value in values]
        own = [value for values in ends for baseline, value in values if not baseline]
        if not own or (metric == "fidelity" and max(own) - min(own) > 0.5 * (max(every) - min(every))):
            return None
        pad = 0.12 * (max(own) - min(own)) or 0.01
        spans.append([min(own) - pad, max(own) + pad])
    (low, high), fidelity = spans
    return layout(axis(NOVELTY, range=[1 - high, 1 - low]), axis("fidelity", range=fidelity), 440)


def _frontiers(summary: Summary) -> list[dict[str, Any]]:
    scores = _real_scores(summary.generators.values())
    if not scores:
        return []
    found = []
    for baseline, dash in (("noise", "dash"), ("noise-oracle", "dot")):
        points: list[FrontierPoint] = sorted(
            (point for point in summary.frontier if point.baseline == baseline), key=lambda point: point.sigma
        )
        if points:
            found.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": f"{baseline} frontier",
                    "x": [1 - point.max_iou for point in points],
                    "y": [point.score / fmean(scores) for point in points],
                    "customdata": [point.sigma for point in points],
                    "line": {"color": BASELINE_COLOUR, "dash": dash, "width": 2},
                    "hovertemplate": "sigma %{customdata:.3g}<br>novelty %{x:.3f}<br>fidelity %{y:.3f}",
                }
            )
    return found


def _real_scores(generators: Iterable[GeneratorSummary]) -> list[float]:
    """The real scores of the test architectures, each counted once."""
    return list({a.key: a.real_score for generator in generators for a in generator.architectures}.values())


def _bar(estimate: Estimate, colour: str, mirrored: bool = False) -> dict[str, Any]:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return {"visible": False}
    up, down = max(0.0, estimate.high - estimate.mean), max(0.0, estimate.mean - estimate.low)
    up, down = (down, up) if mirrored else (up, down)
    look = {"color": colour, "thickness": 1.5, "width": 4}
    return {"type": "data", "symmetric": False, "array": [up], "arrayminus": [down], **look}
