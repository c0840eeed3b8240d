"""``weightloom worker``: one more worker for a sweep."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from weightloom.commands.options import Json, Remote, Storage
from weightloom.commands.running import running
from weightloom.terminal import print_json

LEAVE_SECONDS = 60.0
"""How long an attached worker may go on after its input has closed."""


def worker(
    run: Path,
    /,
    *,
    storage: Storage = None,
    remote: Remote = None,
    attached: bool = False,
    json: Json = False,
) -> int:
    """Take trials of a sweep until all have ended; any number of workers may, on one machine or on many.

    **Example:** `weightloom worker runs/first`

    On another machine give the --storage of the sweep and, where the folder of runs is not shared, any folder with the
    name of the run: settings come with the study, the zoo is trained there. Generators are then left there, unless the
    sweep and its workers have a --remote.

    Args:
        run: Folder of the run.
        storage: That of the sweep, if it has one.
        remote: That of the sweep, if it has one.
        attached: Stop when standard input closes, as it does when the process or connection at its other end dies.
        json: Print one JSON object on stdout.
    """
    with running(run, "finished trials", f"weightloom worker {run}") as display:
        if attached:
            follow_input()
        from sweeps.study import join_sweep

        join_sweep(run, storage=storage, remote=remote, replaced=attached, watcher=display)
    if json:
        print_json({"folder": str(run)})
    return 0


def worker_arguments(run: Path) -> Sequence[str]:
    """Of a Python interpreter that becomes a worker of ``run`` and stops when its input closes."""
    return ("-m", "weightloom", "worker", str(run.resolve()), "--attached")


def follow_input() -> None:
    """Have the process stop after its step when standard input closes, and be ended if it does not."""
    threading.Thread(target=_wait_for_the_end, daemon=True, name="input").start()


def _wait_for_the_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LEAVE_SECONDS)
    os._exit(128 + signal.SIGTERM)
