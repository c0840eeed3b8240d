"""The page of a comparison of search methods: regret curves, picks, differences; one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench import files
from workbench.report.page import environment, page_parts
from workbench.report.plot import (
    BASELINE_COLOUR,
    BASELINE_SYMBOLS,
    FAMILY_COLOURS,
    FAMILY_SYMBOLS,
    Data,
    Entry,
    Figure,
    Panel,
    axis,
    layout,
    text,
)
from workbench.search_summary import FILE_NAME, MethodSummary, SearchSummary, bracketed, precise, sentences
from workbench.summary import MISSING

DASHES = ("solid", "dash", "dot")
ROWS = 12
"""Points of a curve that its table shows."""


def write_search_page(summary: SearchSummary, folder: str | Path) -> Path:
    """Write ``search.html`` into ``folder``: one file that needs no network, made from the record alone."""
    return files.write_text(Path(folder) / "search.html", render_search(summary))


def render_search(summary: SearchSummary) -> str:
    """The whole page as HTML; names from the record are escaped wherever they stand."""
    figures = [curves(summary), finals(summary)]
    return environment().get_template("search.html").render(
        summary=summary,
        file_name=FILE_NAME,
        sentences=sentences(summary),
        rows=[(name, *_row(summary, method)) for name, method in summary.methods.items()],
        figures=figures,
        specs=[panel.spec for figure in figures for panel in figure.panels],
        **page_parts(),
    )  # fmt: skip


def curves(summary: SearchSummary) -> Figure:
    """Regret (or the best score so far, where the optimum is not known) against queries, with bands."""
    known = summary.best_score is not None
    measure = "regret" if known else "best score so far"
    data: list[dict[str, Any]] = []
    rows: list[tuple[Any, ...]] = []
    later: list[float] = []
    for place, (name, method) in enumerate(summary.methods.items()):
        points = [(p.query, *_turned(summary, p.mean, p.low, p.high)) for p in method.curve]
        if not points:
            continue
        colour, _, dash = _look(place)
        data += _band(name, points, colour, dash)
        step = max(1, len(points) // ROWS)
        rows += [(name, q, *map(precise, ends)) for q, *ends in points[step - 1 :: step]]
        later += [end for q, *ends in points for end in ends if q * 10 >= summary.queries]
    pad = 0.05 * (max(later) - min(later)) if later else 0.0
    y = axis(measure, range=[min(later) - pad, max(later) + pad]) if later else axis(measure)
    return Figure(
        key="curves",
        title="How fast does each method find something good?",
        alt=f"Line chart of {measure} against queries, {len(summary.methods)} methods; the numbers follow as a table.",
        read=(
            f"How to read it: {measure} on {summary.query}, mean over {summary.seeds} seeds; "
            + ("lower" if known else "higher")
            + " and further left is better. Bands are 95 % bootstrap intervals over seeds; "
            "the first tenth may run out of the picture."
        ),
        empty="No search had a score.",
        panels=[Panel(title="", spec={"data": data, "layout": layout(axis("queries"), y, 460)})] if data else [],
        data=Data(caption=measure, columns=("method", "queries", measure, "low", "high"), rows=rows),
        legend=_legend(summary, lines=True),
    )


def finals(summary: SearchSummary) -> Figure:
    """Final score of the picks with intervals, one row a method."""
    data: list[dict[str, Any]] = []
    rows = []
    for place, (name, method) in enumerate(summary.methods.items()):
        colour, symbol, _ = _look(place)
        final = method.final
        mean, low, high = final.mean or 0.0, final.low, final.high
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [mean],
                "y": [text(name)],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [(high if high is not None else mean) - mean],
                    "arrayminus": [mean - (low if low is not None else mean)],
                    "color": colour,
                },
                "marker": {"size": 11, "color": colour, "symbol": symbol},
                "hovertemplate": f"{text(name)}: %{{x:.3f}}<extra></extra>",
            }
        )
        rows.append((name, *map(precise, (final.mean, low, high))))
    look = layout(axis(summary.final), {**axis(""), "autorange": "reversed"}, 90 + 40 * len(data))
    if summary.best_final is not None:
        look["shapes"] = [
            {
                "type": "line",
                "x0": summary.best_final,
                "x1": summary.best_final,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": BASELINE_COLOUR, "dash": "dash", "width": 1},
            }
        ]
    return Figure(
        key="finals",
        title="How good is what each method picks?",
        alt=f"Final score of the picks of {len(data)} methods with intervals; the numbers follow as a table.",
        read="How to read it: right is better; bars are 95 % bootstrap intervals over seeds, and the dashed line is "
        "the best of the space where that is known. Methods are told apart by the paired differences in the table "
        "above, not by whether these bars overlap.",
        empty="No method was run.",
        panels=[Panel(title="", spec={"data": data, "layout": look})] if data else [],
        data=Data(caption="Final score of the picks", columns=("method", "mean", "low", "high"), rows=rows),
        legend=_legend(summary, lines=False),
    )


def _row(summary: SearchSummary, method: MethodSummary) -> tuple[str, ...]:
    if method.difference is None:
        difference = "reference"
    else:
        difference = bracketed(method.difference, sign=True) + ("" if method.claimed else " not told apart")
    found = MISSING if method.found is None else f"{method.found:.0%}"
    total = MISSING if method.total_seconds is None else f"{method.total_seconds:.1f} s"
    return bracketed(method.final), bracketed(method.regret), difference, found, f"{method.seconds:.2f} s", total


def _turned(summary: SearchSummary, mean: float, low: float, high: float) -> tuple[float, float, float]:
    best = summary.best_score
    return (mean, low, high) if best is None else (best - mean, best - high, best - low)


def _look(place: int) -> tuple[str, str, str]:
    """Colour, symbol and dash; methods with the same colour differ in the other two."""
    turn = place // len(FAMILY_COLOURS)
    symbols = (*FAMILY_SYMBOLS, *BASELINE_SYMBOLS)
    return FAMILY_COLOURS[place % len(FAMILY_COLOURS)], symbols[place % len(symbols)], DASHES[turn % len(DASHES)]


def _legend(summary: SearchSummary, *, lines: bool) -> list[Entry]:
    looks = [(name, *_look(place)) for place, name in enumerate(summary.methods)]
    return [
        Entry(label=name, colour=colour, line=dash if lines else "", symbol="" if lines else symbol)
        for name, colour, symbol, dash in looks
    ]


def _band(name: str, points: list[tuple[Any, ...]], colour: str, dash: str) -> list[dict[str, Any]]:
    x = [point[0] for point in points]
    rgb = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x + x[::-1],
            "y": [point[3] for point in points] + [point[2] for point in points][::-1],
            "fill": "toself",
            "fillcolor": f"rgba({rgb},0.16)",
            "line": {"width": 0},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": [point[1] for point in points],
            "line": {"color": colour, "dash": dash, "width": 2},
            "hovertemplate": f"{text(name)}<br>%{{x}} queries: %{{y:.3f}}<extra></extra>",
        },
    ]
