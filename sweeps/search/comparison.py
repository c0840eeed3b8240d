"""Several methods, the same problem, the same seeds: searches spread over processes, and what they show."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from search_spaces import RunFailed, WeightloomError
from sweeps.search import METHODS
from sweeps.search.candidates import Candidates
from sweeps.search.evaluator import Costly, Evaluator, Problem
from sweeps.search.guide import Follower
from sweeps.search.trajectory import Trajectory, search_once
from sweeps.watching import Silent, Watcher
from workbench.metrics.intervals import Interval, bootstrap, bootstrap_curve, paired_difference
from workbench.search_summary import CurvePoint, MethodSummary, Pick, SearchSummary
from workbench.summary import Estimate

CHUNK = 5
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How a comparison calls what it compared; see ``SearchSummary``."""

    problem: str
    space: str
    query: str
    final: str
    command: str


def run_all(
    problem: Problem,
    methods: Sequence[str],
    *,
    queries: int,
    seeds: int,
    processes: int = 1,
    seconds: float = math.inf,
    watcher: Watcher | None = None,
) -> dict[str, list[Trajectory]]:
    """Search with every method and every seed 0 … ``seeds`` − 1, in spawned processes of one thread each.

    What is found does not depend on the number of processes.

    Args:
        problem: opened once per process.
        methods: names of ``weightloom list methods``, all different.
        queries: each search may ask.
        seeds: searches a method.
        processes: at least 1.
        seconds: of processor time that each search may take, see ``search_once``; what is found then depends on
            the machine.
        watcher: told about progress.

    Returns:
        Trajectories by method, in the order of seeds.

    Raises:
        WeightloomError: a number below 1, a method twice, an unknown one, or what ``problem`` raises.
        RunFailed: a process died.
    """
    for what, number in (("queries", queries), ("seeds", seeds), ("processes", processes)):
        if number < 1:
            raise WeightloomError(f"search: {what}: expected an integer of at least 1, got {number}")
    if not methods or len(set(methods)) != len(methods):
        raise WeightloomError(
            f"search: methods: expected one or more different ones, got {', '.join(methods) or 'none'}"
        )
    kinds = {name: METHODS.load(name) for name in methods}
    _, evaluator = problem.open()  # so that a mistake is told before processes start
    for name, kind in kinds.items():
        if issubclass(kind, Follower):
            kind.leader(name, evaluator)
    tell = watcher or Silent()
    chunk = 1 if isinstance(evaluator, Costly) else CHUNK
    jobs = [
        (name, tuple(range(start, min(start + chunk, seeds)))) for start in range(0, seeds, chunk) for name in methods
    ]
    found: dict[str, list[Trajectory]] = {name: [] for name in methods}
    total, done = len(methods) * seeds, 0
    with _workers(problem, min(processes, len(jobs))) as pool:
        waiting: set[Future[list[Trajectory]]] = {
            pool.submit(_job, name, queries, seconds, part) for name, part in jobs
        }
        tell.progress("searches", 0, total)
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ready:
                    for trajectory in future.result():
                        found[trajectory.method].append(trajectory)
                        done += 1
                tell.progress("searches", done, total)
        except BrokenProcessPool as error:
            raise RunFailed("search: a process died, perhaps for lack of memory; try fewer with --processes") from error
    return {name: sorted(runs, key=lambda run: run.seed) for name, runs in found.items()}


def summarise(
    runs: dict[str, list[Trajectory]], evaluator: Evaluator, *, queries: int, reference: str, labels: Labels
) -> SearchSummary:
    """The record of a comparison.

    Args:
        runs: as ``run_all`` returns them.
        evaluator: says what is best, where known.
        queries: that each search was allowed.
        reference: method that differences are taken to, one of ``runs``.
        labels: words of the record.
    """
    best = evaluator.best_final_score
    finals = {name: np.array([run.final_score for run in trajectories]) for name, trajectories in runs.items()}
    methods = {}
    for name, trajectories in runs.items():
        paired = None if name == reference else paired_difference(finals[name], finals[reference])
        methods[name] = MethodSummary(
            curve=_curve(trajectories, queries),
            final=_estimate(bootstrap(finals[name])),
            regret=None if best is None else _estimate(bootstrap(best - finals[name])),
            difference=None if paired is None else _estimate(paired),
            claimed=paired is not None and paired.excludes_zero,
            found=None if best is None else float((finals[name] >= best - ROUNDING).mean()),
            seconds=float(np.mean([run.seconds for run in trajectories])),
            total_seconds=float(np.mean([run.elapsed[-1] for run in trajectories])),
            picks=[
                Pick(
                    seed=run.seed,
                    architecture=" ".join(f"{gene}={value}" for gene, value in run.architecture.genome),
                    score=run.scores[run.pick],
                    final=run.final_score,
                    relaxed=run.relaxed,
                )
                for run in trajectories
            ],
        )
    return SearchSummary(
        problem=labels.problem,
        space=labels.space,
        query=labels.query,
        final=labels.final,
        queries=queries,
        seeds=len(next(iter(runs.values()))),
        reference=reference,
        best_score=evaluator.best_score,
        best_final=best,
        methods=methods,
        command=labels.command,
        versions={name: version(name) for name in ("weightloom", "numpy", "scipy", "optuna")},
    )


def _estimate(interval: Interval) -> Estimate:
    return Estimate(mean=interval.mean, low=interval.low, high=interval.high, n=interval.n)


def _curve(runs: Sequence[Trajectory], queries: int) -> list[CurvePoint]:
    """From the first query at which every search has a score."""
    curves = np.array([run.best_so_far(queries) for run in runs])
    known = np.isfinite(curves).all(axis=0)
    if not known.any():
        return []
    first = int(known.argmax())
    middle, low, high = bootstrap_curve(curves[:, first:])
    points = zip(middle.tolist(), low.tolist(), high.tolist(), strict=True)
    return [CurvePoint(query=first + i + 1, mean=m, low=a, high=b) for i, (m, a, b) in enumerate(points)]


@contextlib.contextmanager
def _workers(problem: Problem, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes with one thread each; ended at once if we are interrupted."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # inherited, and in force before their numpy is imported
    pool = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(problem,)
    )
    others = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_opened: tuple[Candidates, Evaluator] | None = None


def _start(problem: Problem) -> None:
    global _opened
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    space, evaluator = problem.open()
    _opened = Candidates(space), evaluator


def _job(name: str, queries: int, seconds: float, seeds: Sequence[int]) -> list[Trajectory]:
    assert _opened is not None, "a worker is started before its first job"
    candidates, evaluator = _opened
    kind = METHODS.load(name)
    return [
        search_once(name, kind, candidates, evaluator, queries=queries, seed=seed, seconds=seconds) for seed in seeds
    ]
