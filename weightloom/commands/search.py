"""``weightloom search``: search methods side by side, on a table of real results or by real training."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weightloom.commands.options import Json, RunsFolder, words
from weightloom.terminal import print_json, print_pairs, watching

if TYPE_CHECKING:
    from sweeps.search.training_problem import TrainingProblem
    from workbench.search_summary import SearchSummary

FOR_TABLES = "random,evolution,local,tpe,nsga2,predictor"
FOR_TASKS = "random,tpe,predictor,guided"
QUERIES = {"table": 100, "task": 30}
SEEDS = {"table": 20, "task": 3}


def search(
    space: str,
    /,
    *,
    table: str = "",
    task: str = "",
    method: str = "",
    queries: int | None = None,
    seeds: int | None = None,
    column: str = "",
    final: str = "",
    data: str | None = None,
    steps: int | None = None,
    generator: Path | None = None,
    generator_steps: int | None = None,
    cost_weight: float | None = None,
    reference: str = "",
    processes: int = 1,
    out: Path = Path("runs/search"),
    runs_folder: RunsFolder = Path("runs"),
    tracker: Literal["none", "wandb"] = "none",
    json: Json = False,
) -> int:
    """Compare search methods on a table of real results or by real training: regret curves, picks, differences.

    **Example:** `weightloom search cell --table nasbench201 --method local,predictor --queries 100 --seeds 50`

    **Example:** `weightloom search mlp --task digits --method random,guided --queries 10 --seeds 2 --steps 200`

    Equal seeds give equal figures, whatever the number of processes. With --task every answer is kept under the
    runs folder: a search that was cut off goes on where it was when the command is given again.

    Args:
        space: See `weightloom list spaces`.
        table: Name (`weightloom list tables`), or a CSV file with NAS-Bench-201 cells of your own.
        task: Train really on this task instead (`weightloom list tasks`): a query answers the validation score, the
            pick is trained again from other seeds and scored on test data.
        method: One or several with commas between; see `weightloom list methods`.
        queries: How many architectures each search may ask about; by default 100 on a table, 30 on a task.
        seeds: How many searches a method makes; by default 20 on a table, 3 on a task.
        column: What a query answers; a column of the table.
        final: What scores the architecture picked in the end; a column of the table.
        data: Folder or file of the task's data, for a task that reads one.
        steps: Optimiser steps of each real training; by default 400.
        generator: Folder of a saved generator that guides; without it the method guided trains one for each search, as
            the method relaxed does in any case.
        generator_steps: Optimiser steps of such a training; by default 1000.
        cost_weight: What the FLOPs of a usual architecture count for in the loss, in nats, when the method relaxed
            optimises its gates; by default 0.
        reference: Method that differences are taken to; by default local, or the first where that is not among them.
        processes: How many searches run side by side, one thread each.
        out: Folder for search.json and search.html.
        runs_folder: Where answers of real training are kept, in .search.
        tracker: Where the comparison is recorded too: with wandb, an offline W&B run in the folder of --out.
        json: Print one JSON object on stdout: paths and the whole record.
    """
    from search_spaces.errors import UnknownName, WeightloomError
    from sweeps.search import METHODS

    if bool(table) == bool(task):
        got = "both" if table else "neither"
        raise WeightloomError(f"search: expected exactly one of --table NAME and --task NAME, got {got}")
    source = "table" if table else "task"
    of_tables: dict[str, object] = {"--column": column, "--final": final}
    of_tasks: dict[str, object] = {"--data": data, "--steps": steps, "--generator": generator}
    of_tasks |= {"--generator-steps": generator_steps, "--cost-weight": cost_weight}
    _refuse_foreign(source, of_tasks if table else of_tables)
    method = method or (FOR_TABLES if table else FOR_TASKS)
    queries = QUERIES[source] if queries is None else queries
    seeds = SEEDS[source] if seeds is None else seeds
    names = tuple(words(method))
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

    problem: TableProblem | TrainingProblem
    if table:
        problem = TableProblem(table=table, space=space, query=column, final=final)
    else:
        problem = _training_problem(
            task, space, data, steps, generator, generator_steps, cost_weight, runs_folder / ".search"
        )
        steps = problem.recipe.steps
    _, evaluator = problem.open()
    settings: dict[str, object] = {"method": ",".join(names), "queries": queries, "seeds": seeds}
    if table:
        settings |= {"column": evaluator.query, "final": evaluator.final}
    else:
        settings |= {"data": data, "steps": steps, "generator": generator, "generator-steps": generator_steps}
        settings |= {"cost-weight": cost_weight}
    spelled = [word for key, value in settings.items() if value is not None for word in (f"--{key}", str(value))]
    with watching() as display:
        runs = run_all(problem, names, queries=queries, seeds=seeds, processes=processes, watcher=display)
    labels = Labels(
        problem=f"{source} {table or task}",
        space=space,
        query=evaluator.query,
        final=evaluator.final,
        command=shlex.join(
            ["weightloom", "search", space, f"--{source}", table or task, *spelled, "--reference", against]
        ),
    )
    summary = summarise(runs, evaluator, queries=queries, reference=against, labels=labels)
    paths = {"record": summary.write(out), "page": write_search_page(summary, out)}
    if tracker != "none":
        from workbench.tracking import tracker_for

        tracker_for(tracker, out, out.name).searched(summary)
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


def _refuse_foreign(source: str, settings: dict[str, object]) -> None:
    """Refuse settings of the other kind of search."""
    from search_spaces.errors import WeightloomError

    for name, value in settings.items():
        if value not in (None, ""):
            other = "task" if source == "table" else "table"
            raise WeightloomError(f"{name}: expected with --{other} only, got it with --{source}; leave it out")


def _training_problem(
    task: str,
    space: str,
    data: str | None,
    steps: int | None,
    generator: Path | None,
    generator_steps: int | None,
    cost_weight: float | None,
    folder: Path,
) -> TrainingProblem:
    from search_spaces.errors import WeightloomError
    from sweeps.search.training_problem import TrainingProblem
    from workbench.guide import GuideConfig
    from workbench.relaxed import GateConfig, RelaxedConfig
    from workbench.training_task import default_recipe

    for name, value, least in (("--steps", steps, 10), ("--generator-steps", generator_steps, 1)):
        if value is not None and value < least:
            raise WeightloomError(f"{name}: expected an integer of at least {least}, got {value}")
    if generator is not None and generator_steps is not None:
        raise WeightloomError(
            "--generator-steps: expected without --generator, which needs no training, got both; leave one out"
        )
    if cost_weight is not None and not 0 <= cost_weight <= 1000:
        raise WeightloomError(f"--cost-weight: expected a number from 0 to 1000, got {cost_weight}")
    own: dict[str, Any] = {} if generator_steps is None else {"steps": generator_steps}
    return TrainingProblem(
        task=task,
        space=space,
        recipe=default_recipe(steps),
        folder=folder,
        data=data,
        guide=GuideConfig(**own),
        relaxed=RelaxedConfig(gates=GateConfig(cost_weight=cost_weight or 0.0), **own),
        generator=generator,
    )


def _show(summary: SearchSummary) -> None:
    from rich.console import Console
    from rich.table import Table

    from workbench.search_summary import bracketed, precise, sentences
    from workbench.summary import MISSING

    table = Table(title=f"{summary.problem}: {summary.queries} queries of {summary.query}, {summary.seeds} seeds")
    best = "" if summary.best_final is None else f", best {precise(summary.best_final)}"
    for column in (
        "method",
        f"pick: {summary.final}{best}",
        f"difference to {summary.reference}",
        "best found",
        "s",
        "s in all",
    ):
        table.add_column(column, justify="left" if column == "method" else "right", overflow="fold")
    for name, method in summary.methods.items():
        found = MISSING if method.found is None else f"{method.found:.0%}"
        table.add_row(
            name,
            bracketed(method.final),
            "reference" if name == summary.reference else bracketed(method.difference, sign=True),
            found,
            f"{method.seconds:.2f}",
            MISSING if method.total_seconds is None else f"{method.total_seconds:.1f}",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for sentence in sentences(summary):
        print(f"- {sentence}")
