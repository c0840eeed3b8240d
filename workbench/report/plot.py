"""What a figure of the report is, and the look that all figures share.

Figures are plain plotly JSON (``data`` and ``layout``), so that writing a report needs no browser. Text and
grid take their colours from the page's CSS, which knows light, dark and print; the colours below have a
contrast of at least 3 to 1 with both backgrounds and are told apart by the colour-blind.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.summary import Summary

FAMILY_COLOURS = ("#2f7fc1", "#d55e00", "#009e73", "#a865a8", "#b8860b", "#cc5a7a")
BASELINE_COLOUR = "#8a8f98"
REAL_COLOUR = "#b8860b"
FAMILY_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon")
BASELINE_SYMBOLS = ("x", "cross", "triangle-down", "triangle-left", "triangle-right", "hourglass", "bowtie")

REAL_SYMBOL = "star"
SEQUENTIAL = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
"""Cividis, made to look the same with and without colour vision."""


SHAPES = {
    "circle": "0,-5.5 3.2,-4.4 5.2,-1.7 5.2,1.7 3.2,4.4 0,5.5 -3.2,4.4 -5.2,1.7 -5.2,-1.7 -3.2,-4.4",
    "square": "-5,-5 5,-5 5,5 -5,5",
    "diamond": "0,-6.5 6.5,0 0,6.5 -6.5,0",
    "triangle-up": "0,-6 6,5 -6,5",
    "pentagon": "0,-6 5.7,-1.9 3.5,4.9 -3.5,4.9 -5.7,-1.9",
    "x": "-5,-3 -3,-5 0,-2 3,-5 5,-3 2,0 5,3 3,5 0,2 -3,5 -5,3 -2,0",
    "cross": "-2,-6 2,-6 2,-2 6,-2 6,2 2,2 2,6 -2,6 -2,2 -6,2 -6,-2 -2,-2",
    "triangle-down": "0,6 6,-5 -6,-5",
    "triangle-left": "-6,0 5,6 5,-6",
    "triangle-right": "6,0 -5,6 -5,-6",
    "hourglass": "-5,-6 5,-6 -5,6 5,6",
    "bowtie": "-6,-5 6,5 6,-5 -6,5",
    "star": "0,-7 1.7,-2.3 6.7,-2.2 2.8,0.9 4.1,5.7 0,2.9 -4.1,5.7 -2.8,0.9 -6.7,-2.2 -1.7,-2.3",
}
"""The symbols as SVG polygons, for the legends."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot: a title, a note below it (both may be empty), and plotly JSON."""

    title: str
    note: str = ""
    spec: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the legend, drawn by the page so that it wraps on a narrow screen.

    Attributes:
        label: what the mark stands for.
        colour: of line and symbol.
        line: plotly's name of the dash pattern; empty = no line.
        symbol: plotly's name of the symbol; empty = none.
    """

    label: str
    colour: str
    line: str = ""
    symbol: str = ""

    @property
    def dash(self) -> str:
        """The dash pattern as SVG has it."""
        return {"dash": "7 4", "dot": "2 3"}.get(self.line, "")

    @property
    def shape(self) -> str:
        """The symbol as the points of an SVG polygon around 0, 0."""
        return SHAPES.get(self.symbol, "")


@dataclass(frozen=True, kw_only=True)
class Data:
    """The numbers behind a figure as a table, for those who cannot or will not see the plot."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of the report: panels, how to read them, and the numbers behind them."""

    key: str
    title: str
    alt: str
    read: str
    empty: str
    panels: Sequence[Panel] = ()
    data: Data | None = None
    legend: Sequence[Entry] = ()
    scale: str = ""
    """What the shared colour scale from 0 to 1 means, where the panels share one."""


def text(name: str) -> str:
    """``name`` as plotly text: plotly reads tags in labels, so that they must be escaped."""
    return html.escape(name, quote=False)


def style(summary: Summary) -> dict[str, dict[str, str]]:
    """Colour and symbol of every generator, the same in all figures."""
    found: dict[str, dict[str, str]] = {}
    families = baselines = 0
    for name, generator in summary.generators.items():
        if generator.kind == "family":
            colour = FAMILY_COLOURS[families % len(FAMILY_COLOURS)]
            found[name] = {"color": colour, "symbol": FAMILY_SYMBOLS[families % len(FAMILY_SYMBOLS)]}
            families += 1
        elif generator.kind == "baseline":
            symbol = BASELINE_SYMBOLS[baselines % len(BASELINE_SYMBOLS)]
            found[name] = {"color": BASELINE_COLOUR, "symbol": symbol}
            baselines += 1
        else:
            found[name] = {"color": REAL_COLOUR, "symbol": REAL_SYMBOL}
    return found


def entry(name: str, look: dict[str, str]) -> Entry:
    """The legend entry of one generator or family."""
    return Entry(label=name, colour=look["color"], symbol=look["symbol"])


def axis(title: str, **more: Any) -> dict[str, Any]:
    """One axis in the shared look."""
    return {"title": {"text": title, "standoff": 8}, "automargin": True, "zeroline": False, **more}


def layout(x: dict[str, Any], y: dict[str, Any], height: int) -> dict[str, Any]:
    """A layout in the shared look: transparent, no dragging (a finger scrolls the page)."""
    return {
        "xaxis": x,
        "yaxis": y,
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 12, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#6b7280"},
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#1f2933", "bordercolor": "#1f2933", "font": {"color": "#ffffff"}},
        "showlegend": False,
    }
