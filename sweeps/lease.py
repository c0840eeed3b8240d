"""Who is alive: a worker holds a lock while it lives, and says every few seconds that its trial does."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna

from search_spaces import WeightloomError
from sweeps.place import BEAT_SECONDS
from sweeps.storage import StudyStore

FOLDER = "workers"


@contextmanager
def leased(run: Path) -> Iterator[str]:
    """A name for this worker, whose lock in the run's folder falls when the process ends, however it ends.

    On one machine a death is so seen at once, and a process that only sleeps is not taken for dead.
    """
    name = f"{_host()}.{os.getpid()}.{secrets.token_hex(3)}"
    path = _path(run, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("w")
    except OSError as error:
        raise WeightloomError(
            f"{path}: expected a writable folder with free space, got {error.strerror}; choose another or free it"
        ) from error
    with stream:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)


def is_dead(run: Path, name: str) -> bool | None:
    """Whether a worker of this machine is; None for one of which nothing is known here."""
    path = _path(run, name)
    if name.rsplit(".", 2)[0] != _host():
        return None
    try:
        import fcntl

        with path.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True


@contextmanager
def beating(store: StudyStore, trial: optuna.Trial) -> Iterator[None]:
    """Say that a trial is alive while the block runs, for those who cannot see the lock."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with suppress(Exception):  # a server that is away; the next beat may reach it
                store.beat(trial)

    thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1)


def _host() -> str:
    return socket.gethostname().replace("/", "-")


def _path(run: Path, name: str) -> Path:
    return run / FOLDER / f"{name}.lock"
