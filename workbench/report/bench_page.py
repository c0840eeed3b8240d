"""The page of a bench: the same generators on zoos of every kind, one table each; one self-contained file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from workbench import files
from workbench.comparison import SHORT_TABLE
from workbench.report.page import answer_of, cell, column, environment, page_parts, reproduce_command
from workbench.report.plot import style
from workbench.summary import Summary, shown
from workbench.zoo import Kind

COLUMNS = ("fidelity", *SHORT_TABLE, "gap", "gap_oracle", "ensemble_score")
TEXTS: Mapping[Kind, str] = {
    "independent": "every training network from a start of its own",
    "shared-base": "all training networks from one start",
    "trajectory": "several steps of each training",
}


def write_bench_page(summaries: Mapping[Kind, Summary], folder: str | Path) -> Path:
    """Write ``report.html`` into ``folder``: one file that needs no network, with links to each kind's own report."""
    return files.write_text(Path(folder) / "report.html", render_bench(summaries))


def render_bench(summaries: Mapping[Kind, Summary]) -> str:
    """The whole page as HTML; names from the summaries are escaped wherever they stand."""
    first = next(iter(summaries.values()))
    measured = {m for summary in summaries.values() for g in summary.generators.values() for m in g.metrics}
    columns = [column(name) for name in COLUMNS if name in measured]
    parts = []
    for kind, summary in summaries.items():
        answer, others = answer_of(summary)
        parts.append(
            {
                "kind": kind,
                "text": TEXTS[kind],
                "summary": summary,
                "looks": style(summary),
                "answer": answer,
                "sentences": others,
            }
        )
    return environment().get_template("bench.html").render(
        first=first,
        parts=parts,
        columns=columns,
        glossary=columns,
        cell=cell,
        shown=shown,
        specs=[],
        command=reproduce_command(first),
        **{**page_parts(), "plotly": Markup("")},
    )  # fmt: skip
