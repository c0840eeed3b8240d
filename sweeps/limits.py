"""What a trial may use: seconds and memory. One that uses more fails alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pydantic import BaseModel, ConfigDict, Field

from search_spaces import RunFailed
from sweeps.engines.engine import AGAIN

POLL_SECONDS = 0.1
DEAF_SECONDS = 10.0
"""A trial that does not hear of its limit for so long, as inside one long call, is ended with its process."""
_STATUS = Path("/proc/self/statm")


class Limits(BaseModel):
    """What one trial may use; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float | None = Field(default=None, gt=0, description="wall time of one trial, measurement included")
    memory_mb: int | None = Field(
        default=None, ge=64, description="resident memory of the worker's process, libraries and zoo included (Linux)"
    )

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return self.seconds is not None or self.memory_mb is not None


class LimitExceeded(RunFailed):
    """A trial used more than it may."""


class MemoryExceeded(LimitExceeded):
    """Too much memory, which a process may be unable to give back: it should be replaced."""


@contextmanager
def limited(limits: Limits, give_up: Callable[[str], object]) -> Iterator[None]:
    """Raise `LimitExceeded` in the main thread when this block uses too much.

    A thread looks every tenth of a second and raises a signal, which Python answers between two of its
    instructions. Where that is not heard for `DEAF_SECONDS`, ``give_up`` is called and the process ends.

    Args:
        limits: of this block. Nothing is watched outside of the main thread or where signals are unknown.
        give_up: records the reason; called in the watching thread.
    """
    if not limits.given or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGUSR2"):
        yield
        return
    over, found = threading.Event(), list[LimitExceeded]()
    main = threading.main_thread().ident
    assert main is not None
    end = None if limits.seconds is None else time.monotonic() + limits.seconds

    def watch() -> None:
        while not over.wait(POLL_SECONDS):
            error = _excess(limits, end)
            if error is None:
                continue
            found.append(error)
            heard_by = time.monotonic() + DEAF_SECONDS
            while time.monotonic() < heard_by:  # again and again: a library may swallow one
                if over.is_set():
                    return
                signal.pthread_kill(main, signal.SIGUSR2)
                over.wait(1.0)
            give_up(str(error))
            os._exit(AGAIN)

    def hear(number: int, frame: FrameType | None) -> None:
        if found and not over.is_set():  # others may send this signal too, as SLURM does
            raise found[0]

    before = signal.signal(signal.SIGUSR2, hear)
    thread = threading.Thread(target=watch, daemon=True, name="limits")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=2)
        signal.signal(signal.SIGUSR2, before)


def resident_mb() -> float | None:
    """Memory of this process in RAM, in MiB; None where the system does not say (only Linux does)."""
    try:
        pages = int(_STATUS.read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _excess(limits: Limits, end: float | None) -> LimitExceeded | None:
    if end is not None and time.monotonic() > end:
        return LimitExceeded(
            f"limits.seconds: expected the trial to end within {limits.seconds:g} s, got a longer one; "
            "raise the limit or make training.steps fewer"
        )
    used = None if limits.memory_mb is None else resident_mb()
    if used is not None and limits.memory_mb is not None and used > limits.memory_mb:
        return MemoryExceeded(
            f"limits.memory_mb: expected at most {limits.memory_mb} MB, got {used:.0f}; "
            "raise the limit or make batches and generators smaller"
        )
    return None
