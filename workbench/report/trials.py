"""The figure of the search: its trials, and the front among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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

COLUMNS = (
    *("trial", "family", "mode", "state", "seconds"),
    *("fidelity", "collapse", "active parameters", "within limits", "settings", "reason"),
)


def pareto(summary: Summary) -> Figure:
    """The trials by collapse and fidelity, sized by active parameters, with the front marked."""
    axes = ("fidelity", "collapse")
    done = [t for t in summary.trials if all(t.values.get(key) is not None for key in axes)]
    largest = max((trial.values.get("active_parameters") or 0.0 for trial in done), default=0.0)
    front = sorted(
        (point.values["collapse"] or 0.0, point.values["fidelity"] or 0.0)
        for point in summary.pareto
        if point.values.get("collapse") is not None and point.values.get("fidelity") is not None
    )
    looks = {generator.family: style(summary)[name] for name, generator in summary.generators.items()}
    data: list[dict[str, Any]] = []
    if front:
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "Pareto front",
                "x": [x for x, _ in front],
                "y": [y for _, y in front],
                "line": {"color": BASELINE_COLOUR, "dash": "dot"},
                "marker": {"symbol": "circle-open", "size": 34, "color": BASELINE_COLOUR},
                "hoverinfo": "skip",
            }
        )
    legend = [Entry(label="Pareto front", colour=BASELINE_COLOUR, line="dot")] if front else []
    for family in dict.fromkeys(trial.family for trial in done):
        look = looks.get(family, {"color": BASELINE_COLOUR, "symbol": "circle"})
        legend.append(entry(family, look))
        data.append(_trials([trial for trial in done if trial.family == family], family, look, largest))
    look = layout(axis("collapse"), axis("fidelity"), 480)
    return Figure(
        key="pareto",
        title="The trials of the search",
        alt=f"Scatter plot of fidelity against collapse of {len(done)} trials, {len(front)} on the front.",
        read="How to read it: top left is best, a faithful generator whose networks differ; a larger mark "
        "has more active parameters, and no trial beats a ringed one in all objectives at once.",
        empty="No finished trial of this run has both fidelity and collapse.",
        panels=[Panel(title="", spec={"data": data, "layout": look})] if done else [],
        legend=legend,
        data=Data(
            caption="All trials",
            columns=COLUMNS,
            rows=[_trial_row(trial) for trial in summary.trials],
        ),
    )


def _trials(trials: Sequence[TrialSummary], family: str, look: dict[str, str], largest: float) -> dict[str, Any]:
    counts = [trial.values.get("active_parameters") or 0.0 for trial in trials]
    sizes = [8 + 14 * math.sqrt(count / largest) if largest else 10 for count in counts]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(family),
        "x": [trial.values["collapse"] for trial in trials],
        "y": [trial.values["fidelity"] for trial in trials],
        "customdata": [[t.number, shown(count or None)] for t, count in zip(trials, counts, strict=True)],
        "marker": {**look, "opacity": 0.85, "size": sizes},
        "hovertemplate": "trial %{customdata[0]}<br>collapse %{x:.3f}, fidelity %{y:.3f}"
        "<br>%{customdata[1]} active parameters",
    }


def _trial_row(trial: TrialSummary) -> tuple[Any, ...]:
    values = [shown(trial.values.get(key)) for key in ("fidelity", "collapse", "active_parameters")]
    settings = ", ".join(f"{key}={value}" for key, value in trial.params.items()) or MISSING
    within = {True: "yes", False: "no", None: MISSING}[trial.within]
    return (trial.number, trial.family, trial.mode, trial.state, shown(trial.seconds), *values, within, settings,
            trial.reason or MISSING)  # fmt: skip
