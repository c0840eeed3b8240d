"""Several long calls at the same time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from joblib import Parallel, delayed

from workbench.execution.processor import settle

Job = TypeVar("Job")
Result = TypeVar("Result")


def side_by_side(call: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """``call`` of every job, in order, ``workers`` at a time.

    Networks are small and operations short, so that threads of one process wait for Python and for each other; a
    process for each core does not. It costs some seconds to start them, and they stay for a while to be used again.

    Args:
        call: and its results have to be picklable (closures are).
        jobs: what it is called with.
        workers: processes, each with one thread; 1 = here, with torch's own threads.
    """
    if workers == 1:
        yield from map(call, jobs)
        return
    parallel = Parallel(n_jobs=workers, backend="loky", inner_max_num_threads=1, return_as="generator")
    yield from parallel(delayed(_alone)(call, job) for job in jobs)


def _alone(call: Callable[[Job], Result], job: Job) -> Result:
    torch.set_num_threads(1)
    settle()
    return call(job)
