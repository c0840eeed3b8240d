"""A sweep from its configuration to its summary: trials by one worker or several, then the conclusion."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import write_text
from sweeps.conclusion import conclude
from sweeps.config import SweepConfig, read_config
from sweeps.engines import Engine, TeamPlan
from sweeps.folder import CONFIG, RunFolder, begun
from sweeps.keeping import MIDWAY, TRIALS, bring, kept
from sweeps.lease import FOLDER as WORKERS
from sweeps.lease import is_dead
from sweeps.opening import make_way, opened
from sweeps.place import Place
from sweeps.proposal import first_parameters
from sweeps.team import Team
from sweeps.watching import Silent, Watcher
from sweeps.worker import Worker
from workbench.execution import shared_out
from workbench.laboratory import Laboratory
from workbench.remote import Remote
from workbench.summary import Summary
from workbench.tracking import tracker_for

ZOO_FOLDER = ".zoo"


def run_sweep(
    config: SweepConfig,
    runs: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    command: str | None = None,
    storage: str | None = None,
    team: TeamPlan | None = None,
    remote: str | None = None,
) -> Summary:
    """Run all trials, then baselines and real networks, and write summary, report and exports.

    A trial that ended is never run again, whatever happens to the process; one that was cut off is repeated
    with the same settings and seed. A trial that fails is recorded with its reason and the sweep goes on.

    Args:
        config: from `sweeps.config.resolve`.
        runs: the run's folder is ``runs / config.name``; the zoo is kept in ``runs / ".zoo"`` for all runs.
        resume: continue the run if it was begun before.
        overwrite: remove the run if there is one, and start anew.
        watcher: told about progress.
        command: what makes this run again on the command line; shown by the report.
        storage: URL of a PostgreSQL server that keeps the study; by default a file in the run's folder does.
        team: workers beside this process, which then only leads; by default it runs the trials itself.
        remote: URL that fsspec knows, where the run and the zoo are kept as well: fetched if they are not here, sent
            after each trial and in the end.

    Raises:
        WeightloomError: the run exists and is not to be continued, or was made with other settings; the data
            is missing; a file is damaged; the disk is full.
        RunFailed: workers die one after another, or the storage is gone.
    """
    watcher = watcher or Silent()
    if team is not None:
        team.check_study(storage)
    off, path = None if remote is None else Remote(remote), runs / config.name
    if off is not None:
        bring(off, path, resume=resume, overwrite=overwrite, alone=storage is None)
    with (
        begun(RunFolder(path=path), config, resume=resume, overwrite=overwrite) as folder,
        engine_of(team, folder, config) as engine,
        kept(off, path, watcher) as send,
    ):
        start = time.perf_counter()
        if off is not None and overwrite:
            off.remove(path.name)
        place = folder.place(storage)
        if storage is not None and not resume:
            make_way(place, config.name, overwrite=overwrite)
        tracker = tracker_for(config.tracker, folder.path, config.name, config.wandb_online)
        laboratory = open_laboratory(config, runs, watcher, off)
        folder.save_config(config)
        if storage is not None:
            write_text(folder.storage, place.shown + "\n")
        with opened(place, config.name, config.seed) as store:
            store.target = config.trials
            store.note(CONFIG, config.to_yaml())
            worker = Worker(
                config=config,
                folder=folder,
                laboratory=laboratory,
                store=store,
                tracker=tracker,
                watcher=watcher,
            )
            start = _run_trials(worker, start, team, engine, send)
            if off is not None and storage is not None:
                off.fetch(path.name, path, only=TRIALS)
            summary = conclude(config, folder, laboratory, store, watcher, command, start)
            try:
                tracker.comparison(summary, folder.path)
            except Exception as error:  # the run is whole without it
                watcher.say(f"tracking: the comparison could not be recorded ({in_one_line(error, 200)})")
            store.add_seconds(time.perf_counter() - start)
    return summary


def join_sweep(
    folder: Path,
    *,
    storage: str | None = None,
    remote: str | None = None,
    replaced: bool = False,
    watcher: Watcher | None = None,
) -> None:
    """Be a worker of a sweep that was begun here or on another machine, until all its trials have ended.

    Args:
        folder: of the run. Where it is not there, as on another machine, it is made with the settings that the
            study holds; generators are then left in it, and the one who leads has to see it to conclude.
        storage: URL of the server that keeps the study; by default the file in the folder.
        remote: as that of `run_sweep`: the zoo is fetched from there, and generators are sent there.
        replaced: somebody starts a fresh process where this one ends itself.
        watcher: told about progress.

    Raises:
        WeightloomError: there is no such run.
        StorageFailed: the study cannot be reached.
    """
    watcher, run = watcher or Silent(), RunFolder(path=folder)
    off = None if remote is None else Remote(remote)
    if storage is None and not run.study.exists():
        raise WeightloomError(
            f"{folder}: expected the folder of a run with its {run.study.name}, got none; start it with "
            "`weightloom sweep`, or give the --storage that it was started with"
        )
    if storage is not None and not run.exists:
        folder.mkdir(parents=True, exist_ok=True)
        place = Place.server(storage)
        with opened(place, folder.name, 0, join=True) as store:
            write_text(run.config, store.noted(CONFIG))
        write_text(run.storage, place.shown + "\n")
    config = read_config(run.config)
    if off is not None:
        off.fetch(folder.name, folder, only=(MIDWAY,))
    with (
        opened(run.place(storage), config.name, config.seed, join=True) as store,
        kept(off, folder, watcher, only=(*TRIALS, MIDWAY)) as send,
    ):
        Worker(
            config=config,
            folder=run,
            laboratory=open_laboratory(config, folder.parent, watcher, off),
            store=store,
            tracker=tracker_for(config.tracker, folder, config.name, config.wandb_online),
            watcher=watcher,
            replaced=replaced,
        ).run(send)


def open_laboratory(config: SweepConfig, runs: Path, watcher: Watcher, remote: Remote | None = None) -> Laboratory:
    """The task, the space and the zoo of a sweep; the zoo is trained if it is not in ``runs`` nor at ``remote`` yet."""
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
    return Laboratory.open(
        task=config.task,
        data=config.data,
        space=config.space,
        space_settings=config.space_settings,
        zoo=config.zoo,
        folder=runs / ZOO_FOLDER,
        progress=lambda stage, done, total: watcher.progress(f"zoo: {stage}", done, total),
        remote=remote,
    )


@contextmanager
def engine_of(team: TeamPlan | None, folder: RunFolder, config: SweepConfig) -> Iterator[Engine | None]:
    """The engine of a team, which trains zoos as well where it can."""
    if team is None:
        yield None
        return
    with team.opened(folder.path / WORKERS, config.threads) as engine, shared_out(engine.calls):
        yield engine


def _run_trials(
    worker: Worker, start: float, team: TeamPlan | None, engine: Engine | None, send: Callable[[], None]
) -> float:
    """Run what is left of the trials, by the worker or by a team in its place.

    Returns:
        Since when time has not been added to the study.
    """
    store, config = worker.store, worker.config
    interrupted = store.reap(partial(is_dead, worker.folder.path))
    if interrupted:
        worker.watcher.say(f"{interrupted} interrupted trial is run again" if interrupted == 1 else
                        f"{interrupted} interrupted trials are run again")  # fmt: skip
    for plan in config.families:
        store.enqueue(first_parameters(config, plan.family))
    if store.ended():
        worker.watcher.say(f"{len(store.ended())} of {config.trials} trials had ended before")

    def ended() -> None:
        nonlocal start
        now = time.perf_counter()
        store.add_seconds(now - start)
        start = now
        send()

    if team is not None and engine is not None:
        Team(
            folder=worker.folder.path,
            store=store,
            watcher=worker.watcher,
            engine=engine,
            arguments=team.arguments,
            count=team.workers,
        ).run(ended)
    else:
        worker.run(ended)
    return start
