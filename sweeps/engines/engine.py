"""What a team asks of the place where its workers run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # torch is not needed where a worker is only held
    from workbench.execution import Elsewhere

AGAIN = 75
"""Exit code of a worker whose time there was up, through no fault of its own: another one goes on."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One worker to be started.

    Attributes:
        arguments: of the Python interpreter there, which start a worker that follows its standard input.
        environment: variables that it needs beside those of the place; may hold a password.
        log: absolute path of the file that what it says is added to.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path


class Member(Protocol):
    """A worker that was started, or waits for room to be."""

    def code(self) -> int | None:
        """Its exit code; None while it runs or waits; never blocks for long."""
        ...

    def last_line(self) -> str:
        """What it said last, once it has ended."""
        ...

    def leave(self) -> None:
        """Ask it to end its step, keep its state, give its trial back and end."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...


class Engine(Protocol):
    """Starts workers."""

    @property
    def calls(self) -> Elsewhere | None:
        """Where trainings of a zoo and cells of a bench are run; None for this machine."""
        ...

    def start(self, order: Order) -> Member:
        """Start one, now or as soon as there is room."""
        ...


def cores() -> int:
    """Of this machine, as far as this process may use them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(workers: int) -> int:
    """Cores for each of so many workers on this machine."""
    return max(1, cores() // workers)


def thread_environment(threads: int) -> dict[str, str]:
    """Holds the libraries of a worker to so many threads; read by them when they are loaded."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def last_line(log: Path) -> str:
    """The last line of a log that says something, printable characters only."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [line for line in text.splitlines() if line.strip()]
    return "".join(character for character in lines[-1] if character.isprintable())[:300] if lines else ""
