"""What a tracker shows of a summary: flat figures, rows of a table, plots as plotly JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.metrics.rank import regret_at
from workbench.summary import ArchitectureRow, GeneratorSummary, interval

COLUMNS = tuple(ArchitectureRow.model_fields)


def flat_figures(summary: GeneratorSummary) -> dict[str, float | int | str | None]:
    """Every figure under ``METRIC/mean``, ``/low``, ``/high`` and ``/n``; ``None`` where not measured."""
    flat: dict[str, float | int | str | None] = {
        "kind": summary.kind,
        "family": summary.family,
        "mode": summary.mode,
        "trial": summary.trial,
        "budget/steps": summary.budget.steps,
        "budget/seconds": summary.budget.seconds,
        "verdict": ", ".join(verdict.label for verdict in summary.verdict),
    }
    for metric, estimate in summary.metrics.items():
        for part, value in estimate.model_dump().items():
            flat[f"{metric}/{part}"] = value
    return flat


def table_rows(summary: GeneratorSummary) -> list[list[Any]]:
    """One row per test architecture, in the order of ``COLUMNS``."""
    return [[getattr(row, column) for column in COLUMNS] for row in summary.architectures]


def plots(summary: GeneratorSummary) -> dict[str, dict[str, Any]]:
    """Name → plotly figure as ``data`` and ``layout``; only what there is something to show of."""
    found: dict[str, dict[str, Any]] = {}
    rows = [row for row in summary.architectures if row.score is not None]
    if rows:
        real = [row.real_score for row in rows]
        ends = [min(real), max(real)]
        points = {"type": "scatter", "mode": "markers", "name": summary.family, "x": real}
        points |= {"y": [row.score for row in rows], "text": [row.name for row in rows]}
        equal = {"type": "scatter", "mode": "lines", "name": "equal", "x": ends, "y": ends}
        rank = _figure([points, equal], "score after real training", "score as generated")
        rank["layout"]["title"] = {"text": f"rank: tau-b {interval(summary.metrics.get('rank_tau'))}"}
        found["architectures"] = rank
    if len(rows) > 1:
        predicted, truth = (np.array([getattr(row, key) for row in rows]) for key in ("score", "real_score"))
        picks = list(range(1, len(rows) + 1))
        regret = {"type": "scatter", "mode": "lines+markers", "name": summary.family, "x": picks}
        regret |= {"y": [regret_at(predicted, truth, k) for k in picks]}
        found["regret"] = _figure([regret], "architectures trained, best by generated weights first", "regret (score)")
    for kind, key in (("neurons", "sparsity"), ("weights", "sparsity_of_weights")):
        curve = [point for point in summary.sparsity_curve if point.kind == kind]
        if not curve:
            continue
        lines = []
        for source in dict.fromkeys(point.source for point in curve):
            own = [point for point in curve if point.source == source]
            line: dict[str, Any] = {"type": "scatter", "mode": "lines+markers", "name": source}
            line |= {"x": [point.sparsity for point in own], "y": [point.mean for point in own]}
            line["error_y"] = {
                "type": "data",
                "symmetric": False,
                "array": [point.high - point.mean for point in own],
                "arrayminus": [point.mean - point.low for point in own],
            }
            lines.append(line)
        found[key] = _figure(lines, "share of zero weights", "score")
    if summary.overlap:
        heat = {"type": "heatmap", "z": summary.overlap, "zmin": 0, "zmax": 1, "colorscale": "Cividis"}
        found["overlap"] = _figure([heat], "network", "network (error IoU)")
    return found


def _figure(data: list[dict[str, Any]], x: str, y: str) -> dict[str, Any]:
    return {"data": data, "layout": {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}}
