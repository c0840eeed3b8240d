"""Several long calls at the same time, each in a process of its own, here or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar, runtime_checkable

import torch
from joblib import Parallel, delayed

from workbench.execution.processor import settle

Job = TypeVar("Job")
Result = TypeVar("Result")


@runtime_checkable
class Elsewhere(Protocol):
    """Where calls are run instead of on this machine.

    Attributes:
        size: calls at a time.
    """

    size: int

    def each(self, call: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """`alone` of every job, in order."""
        ...


_elsewhere: ContextVar[Elsewhere | None] = ContextVar("elsewhere", default=None)


@contextmanager
def shared_out(elsewhere: Elsewhere | None) -> Iterator[None]:
    """In this block `side_by_side` runs its calls there; None for here."""
    token = _elsewhere.set(elsewhere)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def at_once() -> int:
    """How many calls `side_by_side` should run at a time: one for each core here, or as many as fit elsewhere."""
    elsewhere = _elsewhere.get()
    return torch.get_num_threads() if elsewhere is None else elsewhere.size


def side_by_side(call: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """``call`` of every job, in order, ``workers`` at a time.

    Networks are small and operations short, so that threads of one process wait for Python and for each other; a
    process for each core does not. It costs some seconds to start them, and they stay for a while to be used again.

    Args:
        call: and its results have to be picklable (closures are).
        jobs: what it is called with.
        workers: processes, each with one thread; 1 = here, with torch's own threads. In a block of `shared_out` more
            than one means as many as fit there.
    """
    elsewhere = _elsewhere.get()
    if workers == 1:
        yield from map(call, jobs)
    elif elsewhere is not None:
        yield from elsewhere.each(call, jobs)
    else:
        parallel = Parallel(n_jobs=workers, backend="loky", inner_max_num_threads=1, return_as="generator")
        yield from parallel(delayed(alone)(call, job) for job in jobs)


def alone(call: Callable[[Job], Result], job: Job) -> Result:
    """A call in a process that shares its core with nothing."""
    torch.set_num_threads(1)
    settle()
    return call(job)
