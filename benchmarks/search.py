"""How good is what each search method picks? ``python -m benchmarks.search``.

Three comparisons of 100 queries, every method with the same seeds: NAS-Bench-201 where a query answers one
200-epoch training and the pick is judged by the mean over trainings; NAS-Bench-201 where a query answers only the
validation accuracy after 12 epochs; NAS-Bench-Macro with the same methods unchanged. Figures go to
``benchmarks/results/search.json``, tables to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sweeps.search.comparison import Labels, run_all, summarise
from workbench.search_summary import SearchSummary, bracketed
from workbench.summary import MISSING
from workbench.table_task import TableProblem

METHODS = ("random", "evolution", "local", "tpe", "nsga2", "predictor")
REFERENCE = "local"
SETTINGS = {
    "nasbench201, one training": TableProblem(
        table="nasbench201", space="cell", query="e200_c10_test_s1", final="e200_c10_test_mean"
    ),
    "nasbench201, 12 epochs": TableProblem(
        table="nasbench201", space="cell", query="e12_c10_valid", final="e200_c10_test_mean"
    ),
    "nasbench-macro": TableProblem(table="nasbench-macro", space="macro", query="test_acc_1", final="mean_acc"),
}


class _Told:
    def progress(self, stage: str, done: int, total: int) -> None:
        if done % 100 == 0:
            print(f"  {stage}: {done} of {total}", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def compare(problem: TableProblem, methods: tuple[str, ...], queries: int, seeds: int, processes: int) -> SearchSummary:
    """All methods on one problem."""
    runs = run_all(problem, methods, queries=queries, seeds=seeds, processes=processes, watcher=_Told())
    _, task = problem.open()
    command = (
        f"weightloom search {problem.space} --table {problem.table} --column {problem.query} --final {problem.final} "
        f"--method {','.join(methods)} --queries {queries} --seeds {seeds}"
    )
    labels = Labels(
        problem=f"table {problem.table}",
        space=problem.space,
        query=problem.query,
        final=problem.final,
        command=command,
    )
    return summarise(runs, task, queries=queries, reference=REFERENCE, labels=labels)


def table(summary: SearchSummary) -> str:
    """Markdown, as in ``docs/search.md``."""
    lines = [
        f"| method | {summary.final} of the pick | difference to {summary.reference} | best found | s |",
        "|---|---|---|---|---|",
    ]
    for name, method in summary.methods.items():
        difference = "reference" if method.difference is None else bracketed(method.difference, sign=True)
        found = MISSING if method.found is None else f"{method.found:.0%}"
        lines.append(f"| {name} | {bracketed(method.final)} | {difference} | {found} | {method.seconds:.2f} |")
    return "\n".join(lines)


def compact(summary: SearchSummary) -> dict[str, Any]:
    """The record without single picks and with every tenth point of the curves."""
    record = summary.model_dump(mode="json", by_alias=True)
    for method in record["methods"].values():
        del method["picks"]
        method["curve"] = [point for point in method["curve"] if point["query"] % 10 == 0]
    return record


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write ``benchmarks/results/search.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--methods", default=",".join(METHODS), help="commas between; local must be among them")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "search.json")
    options = parser.parse_args(arguments)
    methods = tuple(options.methods.split(","))
    found = {}
    for name, problem in SETTINGS.items():
        print(f"\n{name}: {options.queries} queries, {options.seeds} seeds", flush=True)
        summary = compare(problem, methods, options.queries, options.seeds, options.processes)
        print(table(summary), flush=True)
        found[name] = compact(summary)
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.out}")


if __name__ == "__main__":
    main()
