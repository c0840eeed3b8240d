"""Workers as SLURM jobs, through submitit; or, by its local executor, as jobs of this machine.

submitit pickles what a job is to call into the run's folder and the job reads it; no such file holds a password, and
what jobs write is never unpickled here: how a worker ended is a JSON file.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, final

import submitit

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import read_json, write_json, write_text
from sweeps.engines.engine import AGAIN, Order, last_line, thread_environment
from sweeps.engines.process import Process

POLL_SECONDS = 0.3
LAG_SECONDS = 10.0
"""How far apart the end of a job and its file may be seen, on a shared disk and by SLURM's accounting."""
LOST = 1
"""Exit code of a worker whose job ended without a word."""
LEAVE, KILL = "leave", "kill"
MINUTES = {"slurm": 24 * 60, "local": 30 * 24 * 60}
"""Time limit of a job where none is given."""
FOLDER = "slurm"


def host(arguments: list[str], environment: dict[str, str], log: str, outcome: str) -> None:
    """Be the parent of a worker in a job; have it leave when the job's time is nearly up.

    Args:
        arguments: as of `Order`.
        environment: as of `Order`, without secrets.
        log: as of `Order`.
        outcome: path of a file for how it ended; with ``.wish`` after it, of one that says what is wanted of it.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # inherited by the worker, which a job's warning would end otherwise
    worker, warned, wish = Process(arguments, environment, log), False, Path(f"{outcome}.wish")

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal warned
        warned = True
        worker.leave()

    for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    while (code := worker.code()) is None:
        wanted = wish.read_text() if wish.exists() else ""
        if wanted == LEAVE:
            worker.leave()
        elif wanted == KILL:
            worker.kill()
        time.sleep(POLL_SECONDS)
    write_json(outcome, {"code": AGAIN if warned else code})


@final
class SlurmMember:
    """A worker in a job."""

    def __init__(self, job: submitit.Job[None], order: Order, outcome: Path) -> None:
        self._job, self._order, self._outcome = job, order, outcome
        self._over: float | None = None
        self._code: int | None = None

    def code(self) -> int | None:
        """See `Member`."""
        if self._code is None:
            outcome = int(read_json(self._outcome)["code"]) if self._outcome.exists() else None
            if self._over is None and (outcome is not None or self._job.done()):
                self._over = time.monotonic()
            late = self._over is not None and time.monotonic() > self._over + LAG_SECONDS
            if late or (outcome is not None and self._job.done()):
                self._code = LOST if outcome is None else outcome
        return self._code

    def last_line(self) -> str:
        """See `Member`."""
        return last_line(self._order.log) or last_line(self._job.paths.stderr)

    def leave(self) -> None:
        """See `Member`."""
        write_text(f"{self._outcome}.wish", LEAVE)
        if self._job.state == "PENDING":
            self._job.cancel(check=False)

    def kill(self) -> None:
        """See `Member`."""
        write_text(f"{self._outcome}.wish", KILL)
        end = time.monotonic() + LAG_SECONDS
        while self.code() is None and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        if self._code is None:
            self._job.cancel(check=False)


@final
class Slurm:
    """The engine. Zoos and cells of a bench stay on the machine that leads, for results of jobs would be unpickled.

    Args:
        folder: on a disk that all nodes share; for what submitit writes.
        options: ``cluster`` (slurm or local), ``time`` (minutes of a job) and any option of ``sbatch``, such as
            ``partition``.
        cpus: of each job.
        gpus: of each job.
        threads: of each worker.

    Raises:
        WeightloomError: there is no SLURM here, or an option is not known.
    """

    calls = None

    def __init__(self, folder: Path, *, options: Mapping[str, Any], cpus: int, gpus: int, threads: int) -> None:
        self._folder, self._environment = folder.resolve(), thread_environment(threads)
        rest = dict(options)
        cluster = str(rest.pop("cluster", "slurm"))
        if cluster not in MINUTES:
            raise WeightloomError(f"--slurm cluster: expected one of {', '.join(MINUTES)}, got {cluster!r}")
        minutes = rest.pop("time", MINUTES[cluster])
        if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes <= 0:
            raise WeightloomError(f"--slurm time: expected minutes above 0, got {minutes!r}")
        try:
            self._executor = submitit.AutoExecutor(folder=self._folder, cluster=cluster)
            self._executor.update_parameters(
                name="weightloom",
                timeout_min=minutes,
                cpus_per_task=cpus,
                gpus_per_node=gpus,
                **{f"slurm_{key.replace('-', '_')}": value for key, value in rest.items()},
            )
        except (RuntimeError, NameError, TypeError, ValueError) as error:
            raise WeightloomError(
                f"--slurm: expected SLURM on this machine and options that submitit knows, got: {in_one_line(error)}"
            ) from error

    def start(self, order: Order) -> SlurmMember:
        """See `Engine`; the order's environment goes with the job's own, and so into no file."""
        outcome = self._folder / f"{order.log.stem}.{secrets.token_hex(3)}.json"
        with _added(order.environment):
            job = self._executor.submit(host, list(order.arguments), self._environment, str(order.log), str(outcome))
        return SlurmMember(job, order, outcome)


@contextmanager
def _added(environment: Mapping[str, str]) -> Any:
    """Variables in our own environment, which jobs inherit, while the block runs."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        for name in environment:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
