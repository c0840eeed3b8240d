"""A sweep whose trials only wait: the workers, claims and storages of a real one without its training.

``python -m benchmarks.toy_sweep lead RUN --trials 200 --workers 4`` leads, and starts ``… work RUN`` as workers.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import optuna

from search_spaces.errors import WeightloomError
from search_spaces.files import write_json
from sweeps.deferring import Deferred
from sweeps.engines import ENGINES, TeamPlan
from sweeps.lease import FOLDER as WORKERS
from sweeps.lease import is_dead
from sweeps.opening import opened
from sweeps.place import VARIABLE, place_of
from sweeps.storage import StudyStore
from sweeps.team import Team
from sweeps.turns import take_turns
from weightloom.commands.worker import follow_input
from weightloom.terminal import watching

STEP_SECONDS = 0.002
FIRST = ({"x": 0.25}, {"x": 0.5}, {"x": 0.75})
"""Queued before all others, as a real sweep queues the first trial of each family."""
BYTES = 20_000
"""Of what a trial writes."""


def note(run: Path, file: str, *words: object) -> None:
    """Add a line to a log in one write, so that no two mix; and before we may be killed."""
    handle = os.open(run / file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    os.close(handle)


def attempt(run: Path, seconds: float, store: StudyStore, trial: optuna.Trial, signals: Deferred) -> None:
    """Wait, write a file, record."""
    x = store.persistently(partial(trial.suggest_float, "x", 0, 1))
    began = time.perf_counter()
    note(run, "began.log", store.root(trial), trial.number, x)
    while time.perf_counter() - began < seconds:
        time.sleep(STEP_SECONDS)
        signals.deliver()
    write_json(run / "trials" / f"{trial.number}.json", {"x": x, "filling": "x" * BYTES})
    work = time.perf_counter() - began
    if store.finish(trial, {"fidelity": x, "collapse": 1 - x, "active_parameters": 100.0}):
        note(run, "ended.log", store.root(trial), trial.number, work)


def work(run: Path, seconds: float, url: str | None) -> None:
    """Be one worker."""
    with opened(place_of(run, url), run.name, 0, join=True) as store:
        began = time.perf_counter()
        take_turns(run, store, partial(attempt, run, seconds, store), lambda line: None)
        note(run, "workers.log", time.perf_counter() - began)


def lead(run: Path, url: str | None, trials: int, plan: TeamPlan) -> None:
    """Start workers and wait for all trials."""
    run.mkdir(parents=True, exist_ok=True)
    with (
        opened(place_of(run, url), run.name, 0) as store,
        watching() as display,
        plan.opened(run / WORKERS, None) as engine,
    ):
        store.target = trials
        store.reap(partial(is_dead, run))
        for parameters in FIRST:
            store.enqueue(parameters)
        team = Team(
            folder=run, store=store, watcher=display, engine=engine, arguments=plan.arguments, count=plan.workers
        )
        team.run(lambda: None)


def main(arguments: list[str] | None = None) -> int:
    """Lead or work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["lead", "work"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one trial")
    parser.add_argument("--engine", choices=ENGINES, default="processes")
    options = parser.parse_args(arguments)
    url = os.environ.get(VARIABLE)

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        if options.what == "lead":
            arguments = ["-m", "benchmarks.toy_sweep", "work", str(options.run), "--seconds", str(options.seconds)]
            slurm = {"cluster": "local"} if options.engine == "slurm" else {}
            plan = TeamPlan(
                workers=options.workers, arguments=arguments, engine=options.engine, address=None, cpus=1, slurm=slurm
            )
            lead(options.run, url, options.trials, plan)
        else:
            follow_input()
            work(options.run, options.seconds, url)
    except WeightloomError as error:
        print(f"toy: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
