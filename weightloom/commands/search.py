"""``weightloom search``: search methods side by side, on a table of real results."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from weightloom.commands.options import Json
from weightloom.terminal import print_json, print_pairs, watching

if TYPE_CHECKING:
    from workbench.search_summary import SearchSummary

ALL = "random,evolution,local,tpe,nsga2,predictor"


def search(
    space: str,
    /,
    *,
    table: str,
    method: str = ALL,
    queries: int = 100,
    seeds: int = 20,
    column: str = "",
    final: str = "",
    reference: str = "",
    processes: int = 1,
    out: Path = Path("runs/search"),
    json: Json = False,
) -> int:
    """Compare search methods on a table of real results: regret curves, picks, paired differences.

    **Example:** `weightloom search cell --table nasbench201 --method local,predictor --queries 100 --seeds 50`

    Equal seeds give equal figures, whatever the number of processes.

    Args:
        space: See `weightloom list spaces`.
        table: Name (`weightloom list tables`), or a CSV file with NAS-Bench-201 cells of your own.
        method: One or several with commas between; see `weightloom list methods`.
        queries: How many architectures each search may ask about.
        seeds: How many searches a method makes.
        column: What a query answers; a column of the table.
        final: What scores the architecture picked in the end; a column of the table.
        reference: Method that differences are taken to; by default local, or the first where that is not among them.
        processes: How many searches run side by side, one thread each.
        out: Folder for search.json and search.html.
        json: Print one JSON object on stdout: paths and the whole record.
    """
    from search_spaces.errors import UnknownName
    from sweeps.search import METHODS

    names = tuple(name.strip() for name in method.split(",") if name.strip())
    for name in names:
        if name not in METHODS.names():
            raise UnknownName(METHODS.kind, name, METHODS.names())
    against = reference or ("local" if "local" in names else names[0] if names else "")
    if names and against not in names:
        raise UnknownName("reference method", against, names)
    print("loading libraries …", file=sys.stderr, flush=True)
    from sweeps.search.comparison import Labels, run_all, summarise
    from workbench.report import write_search_page
    from workbench.table_task import TableProblem

    problem = TableProblem(table=table, space=space, query=column, final=final)
    _, task = problem.open()
    with watching() as display:
        runs = run_all(problem, names, queries=queries, seeds=seeds, processes=processes, watcher=display)
    words = ["weightloom", "search", space, "--table", table, "--method", ",".join(names)]
    words += ["--queries", str(queries), "--seeds", str(seeds), "--column", task.query, "--final", task.final]
    labels = Labels(
        problem=f"table {table}",
        space=space,
        query=task.query,
        final=task.final,
        command=shlex.join([*words, "--reference", against]),
    )
    summary = summarise(runs, task, queries=queries, reference=against, labels=labels)
    paths = {"record": summary.write(out), "page": write_search_page(summary, out)}
    if json:
        print_json(
            {
                **{key: str(path) for key, path in paths.items()},
                "result": summary.model_dump(mode="json", by_alias=True),
            }
        )
    else:
        _show(summary)
        print_pairs([(key, str(path)) for key, path in paths.items()])
    return 0


def _show(summary: SearchSummary) -> None:
    from rich.console import Console
    from rich.table import Table

    from workbench.search_summary import bracketed, precise, sentences
    from workbench.summary import MISSING

    table = Table(title=f"{summary.problem}: {summary.queries} queries of {summary.query}, {summary.seeds} seeds")
    best = "" if summary.best_final is None else f", best {precise(summary.best_final)}"
    for column in ("method", f"pick: {summary.final}{best}", f"difference to {summary.reference}", "best found", "s"):
        table.add_column(column, justify="left" if column == "method" else "right", overflow="fold")
    for name, method in summary.methods.items():
        found = MISSING if method.found is None else f"{method.found:.0%}"
        table.add_row(
            name,
            bracketed(method.final),
            "reference" if name == summary.reference else bracketed(method.difference, sign=True),
            found,
            f"{method.seconds:.2f}",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for sentence in sentences(summary):
        print(f"- {sentence}")
