"""Workers and short calls on a Ray cluster, which is started on this machine if none is named."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, final

import ray
from ray.exceptions import RayError, RayTaskError

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.secrets import redacted
from sweeps.engines.engine import Order, thread_environment
from sweeps.engines.process import Process
from workbench.execution import alone

DIED = 1
"""Exit code of a worker whose host was lost."""
KILL_SECONDS = 10.0
TRIES = 3
"""To start a cluster on this machine, which Ray gives up after 30 s where it is busy."""
Job = TypeVar("Job")
Result = TypeVar("Result")


@final
class RayMember:
    """A worker process held by a Ray actor, which has declared what it needs."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._asked: Any = host.code.remote()
        self._began = False
        self._code: int | None = None
        self._line = ""

    def code(self) -> int | None:
        """See `Member`."""
        if self._code is None and ray.wait([self._asked], timeout=0)[0]:
            try:
                code, self._began = ray.get(self._asked), True
                if code is not None:
                    self._end(code, ray.get(self._host.last_line.remote()))
                else:
                    self._asked = self._host.code.remote()
            except RayError as error:
                lines = [line for line in str(error).splitlines() if line.strip()]
                self._end(DIED, lines[-1] if lines else type(error).__name__)
        return self._code

    def last_line(self) -> str:
        """See `Member`."""
        return self._line

    def leave(self) -> None:
        """See `Member`."""
        if self._began:
            self._host.leave.remote()
        else:  # it may wait for room for ever
            self._end(DIED, "")

    def kill(self) -> None:
        """See `Member`."""
        with suppress(RayError):
            ray.get(self._host.kill.remote(), timeout=KILL_SECONDS)
        self._end(DIED, "")

    def _end(self, code: int, line: str) -> None:
        """What it held is free for others."""
        if self._code is None:
            self._code, self._line = code, redacted(line)
            ray.kill(self._host)


@final
class RayCluster:
    """The engine; also where training of zoos and cells of a bench are shared out.

    Args:
        cpus: declared for each worker.
        gpus: declared for each worker.
        threads: of each worker.
    """

    def __init__(self, *, cpus: int, gpus: int, threads: int) -> None:
        self._host = ray.remote(Process).options(num_cpus=cpus, num_gpus=gpus, max_restarts=0)
        self._environment = thread_environment(threads)
        self.size = max(1, int(ray.cluster_resources().get("CPU", 1)))

    @property
    def calls(self) -> RayCluster:
        """See `Engine`."""
        return self

    def start(self, order: Order) -> RayMember:
        """See `Engine`."""
        environment = {**self._environment, **order.environment}
        return RayMember(self._host.remote(list(order.arguments), environment, str(order.log)))

    def each(self, call: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """See `workbench.execution.Elsewhere`; each call is a Ray task that has declared one CPU."""
        shared = ray.put(call)
        task: Any = ray.remote(alone).options(num_cpus=1)
        waiting = [task.remote(shared, job) for job in jobs]
        try:
            while waiting:
                yield ray.get(waiting[0])
                del waiting[0]
        except RayTaskError as error:  # says the same as its cause, below a traceback of another process
            raise error.cause from None
        finally:
            for reference in waiting:
                ray.cancel(reference)


@contextmanager
def opened(*, address: str | None, workers: int, cpus: int, gpus: int, threads: int) -> Iterator[RayCluster]:
    """Join the cluster at ``address``, or start one on this machine that is just large enough, and end it then.

    Where this process has joined one before, that one is used and stays.

    Raises:
        WeightloomError: there is no cluster at ``address``, or none can be started.
    """
    if ray.is_initialized():
        yield RayCluster(cpus=cpus, gpus=gpus, threads=threads)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    here = address in (None, "local")
    with _own_signals():
        for left in reversed(range(TRIES if here else 1)):
            try:
                ray.init(
                    address=address or "local",
                    num_cpus=workers * cpus if here else None,
                    num_gpus=workers * gpus if here else None,
                    include_dashboard=False if here else None,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
                break
            except Exception as error:  # Ray raises just that where a node needs more than 30 s to start
                ray.shutdown()
                if left:
                    continue
                where, reason = redacted(address or "this machine"), in_one_line(error, 200)
                raise WeightloomError(
                    f"--engine ray: expected a Ray cluster on {where}, got {type(error).__name__}: {reason}; look at "
                    "`ray status`, start one with `ray start --head` and give its --address, or leave --engine out"
                ) from error
    try:
        yield RayCluster(cpus=cpus, gpus=gpus, threads=threads)
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our answers to signals, which Ray would replace by exits of its own."""
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
