"""Runs beside each other: rows, warnings and the terminal table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from rich import box
from rich.table import Table
from rich.text import Text

from search_spaces.errors import printable
from workbench.fronts import front_table
from workbench.summary import GeneratorSummary, Summary, interval, shown

_NO_BUDGET = ("note", "command", "problems")
"""Keys of a summary's budget that say nothing of what was spent."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric of one generator of one run."""

    run: str
    generator: str
    kind: str
    family: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    n: int


def rows(summaries: Sequence[Summary]) -> list[Row]:
    """Every (generator, metric) of every summary, in their order."""
    return [
        Row(
            run=label,
            generator=name,
            kind=generator.kind,
            family=generator.family,
            metric=metric,
            mean=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            n=estimate.n,
        )
        for label, summary in zip(run_labels(summaries), summaries, strict=True)
        for name, generator in summary.generators.items()
        for metric, estimate in generator.metrics.items()
    ]


def run_labels(summaries: Sequence[Summary]) -> list[str]:
    """What each run is called beside the others: its name, and its place where names are not enough."""
    if len({summary.name for summary in summaries}) == len(summaries):
        return [summary.name for summary in summaries]
    return [f"{summary.name} #{number}" for number, summary in enumerate(summaries, 1)]


def rows_as_csv(summaries: Sequence[Summary]) -> str:
    """`rows` as CSV with a header line; a missing figure is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for row in rows(summaries))
    return stream.getvalue()


def difference_warnings(summaries: Sequence[Summary]) -> list[str]:
    """Why several runs may not be comparable: one sentence for each thing that differs between them."""

    def of(label: str, values: Mapping[str, object]) -> list[str]:
        if len(set(map(repr, values.values()))) <= 1:
            return []
        found = ", ".join(f"{run}: {'missing' if value is None else value}" for run, value in values.items())
        return [f"The runs differ in {label} ({found}), so their figures are not directly comparable."]

    runs = dict(zip(run_labels(summaries), summaries, strict=True))
    warnings = of("task", {r: s.task for r, s in runs.items()})
    warnings += of("space", {r: s.space for r, s in runs.items()})
    warnings += of("zoo", {r: s.zoo.get("hash") for r, s in runs.items()})
    for key in dict.fromkeys(key for s in summaries for key in s.budget if key not in _NO_BUDGET):
        warnings += of(f"budget {key}", {r: s.budget.get(key) for r, s in runs.items()})
    for key in dict.fromkeys(key for s in summaries for key in s.versions):
        warnings += of(f"version of {key}", {r: s.versions.get(key) for r, s in runs.items()})
    return warnings


SHORT_TABLE = {
    "fidelity_worst_decile": "worst",
    "collapse": "collapse",
    "max_iou": "IoU",
    "rho_function": "rho f",
    "valid": "valid",
    "sparsity": "sparsity",
    "latency_ms": "ms",
    "train_seconds": "train s",
}


def terminal_tables(summaries: Sequence[Summary]) -> list[Table]:
    """All tables that a comparison shows in a terminal: the short one, and the fronts where curves were recorded."""
    fronts = front_table(summaries)
    return [terminal_table(summaries), *([] if fronts is None else [fronts])]


def _legend() -> str:
    names = ", ".join(f"{short} = {metric}" for metric, short in SHORT_TABLE.items() if short != metric)
    return (
        "fidelity: 1 = as good as real training; collapse: 0 = as diverse as real training, 1 = one network over and "
        f"over. What the others mean: `weightloom list metrics` ({names})."
    )


def terminal_table(summaries: Sequence[Summary]) -> Table:
    """The short table of one or several runs for the terminal; ``–`` marks what was not measured."""
    title = Text(printable(", ".join(dict.fromkeys(summary.name for summary in summaries))))
    table = Table(title=title, caption=_legend(), caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    several = len(summaries) > 1
    for heading in (*(("run",) if several else ()), "generator", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("fidelity", *SHORT_TABLE.values()):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for label, summary in zip(run_labels(summaries), summaries, strict=True):
        for name, generator in summary.generators.items():
            cells = [label] * several + [name, generator.kind, _interval(generator, "fidelity")]
            cells += [shown(generator.mean(metric)) for metric in SHORT_TABLE]
            cells.append(", ".join(verdict.label for verdict in generator.verdict) or shown(None))
            table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _interval(generator: GeneratorSummary, metric: str) -> str:
    return interval(generator.metrics.get(metric))
