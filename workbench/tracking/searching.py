"""What a tracker shows of a comparison of search methods: regret curves, picks, figures."""

from __future__ import annotations

from typing import Any

from workbench.report.search_page import curves, finals
from workbench.search_summary import SearchSummary
from workbench.summary import Estimate
from workbench.tracking.comparison import PARTS, Shown, Table


def shown_of_search(summary: SearchSummary) -> Shown:
    """What there is to show of a search."""
    charts = {
        figure.key: {**panel.spec, "layout": {**panel.spec["layout"], "title": {"text": figure.title}}}
        for figure in (curves(summary), finals(summary))
        for panel in figure.panels
    }
    figures: dict[str, Any] = {}
    for name, method in summary.methods.items():
        for key, estimate in (("final", method.final), ("regret", method.regret), ("difference", method.difference)):
            figures |= {f"{name}/{key}/{part}": _part(estimate, part) for part in PARTS}
        figures |= {f"{name}/{key}": getattr(method, key) for key in ("claimed", "found", "seconds", "total_seconds")}
    points = [[name, *point.model_dump().values()] for name, m in summary.methods.items() for point in m.curve]
    picks = [
        [name, pick.seed, pick.architecture, pick.score, pick.final]
        for name, method in summary.methods.items()
        for pick in method.picks
    ]
    plain = ("problem", "space", "query", "final", "queries", "seeds", "reference", "command")
    return Shown(
        config={name: getattr(summary, name) for name in plain}
        | {f"versions/{key}": value for key, value in summary.versions.items()},
        figures=figures | {"best_score": summary.best_score, "best_final": summary.best_final},
        tables={
            "curves": Table(columns=("method", "query", "mean", "low", "high"), rows=points),
            "picks": Table(columns=("method", "seed", "architecture", "score", "final"), rows=picks),
        },
        charts=charts,
    )


def _part(estimate: Estimate | None, part: str) -> float | None:
    return None if estimate is None else getattr(estimate, part)
