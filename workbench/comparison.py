"""What the figures of runs say beside each other: rows, differences, warnings and the terminal table.

A difference is claimed only where two 95 % intervals do not overlap. That is stricter than the paired test,
for which a summary does not hold the pairs: what it claims stands, what it leaves open may still exist.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from search_spaces.errors import printable
from workbench.fronts import front_table
from workbench.summary import GeneratorSummary, Summary, interval, shown

Outcome = Literal["better", "worse", "no difference", "unknown"]
MARGIN = 0.05
_NO_BUDGET = ("note", "command", "problems")
"""Keys of a summary's budget that say nothing of what was spent."""
HIGHER_IS_BETTER = {"fidelity": True, "collapse": False, "max_iou": False}


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


def compare(first: GeneratorSummary, second: GeneratorSummary, metric: str) -> Outcome:
    """Whether ``first`` is better than ``second`` in one metric of `HIGHER_IS_BETTER`.

    ``unknown`` where a mean or an interval is missing, ``no difference`` where the intervals overlap.
    """
    a, b = first.metrics.get(metric), second.metrics.get(metric)
    if a is None or b is None or a.mean is None or b.mean is None:
        return "unknown"
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return "unknown"
    if a.low <= b.high and b.low <= a.high:
        return "no difference"
    return "better" if (a.low > b.high) == HIGHER_IS_BETTER[metric] else "worse"


def advantage(family: GeneratorSummary, baseline: GeneratorSummary) -> Literal["fidelity", "diversity"] | None:
    """What a family is shown to do better than a baseline, if anything.

    ``fidelity``: shown to be higher. ``diversity``: fidelity at most `MARGIN` lower, and shown to be less
    collapsed or to overlap less with its training networks. Beyond the margin diversity does not count:
    broken networks look wonderfully diverse. For `noise`, which buys diversity with fidelity at will, the
    margin is none: the fidelity must lie within its interval.
    """
    if compare(family, baseline, "fidelity") == "better":
        return "fidelity"
    own, theirs = family.metrics.get("fidelity"), baseline.metrics.get("fidelity")
    if own is None or own.mean is None or theirs is None or theirs.mean is None or theirs.low is None:
        return None
    if own.mean < (theirs.low if baseline.family == "noise" else theirs.mean - MARGIN):
        return None
    shown_better = any(compare(family, baseline, metric) == "better" for metric in ("collapse", "max_iou"))
    return "diversity" if shown_better else None


def trade_off(generator: GeneratorSummary) -> float | None:
    """``fidelity × (1 − collapse)``: the fidelity that is left per unit of real training's diversity."""
    fidelity, collapse = generator.mean("fidelity"), generator.mean("collapse")
    return None if fidelity is None or collapse is None else fidelity * (1 - collapse)


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
