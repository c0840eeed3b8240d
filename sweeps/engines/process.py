"""Workers as processes of this machine; the other engines start the same process elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from search_spaces import RunFailed
from sweeps.engines.engine import Order, last_line, thread_environment


@final
class Process:
    """A worker as a child of this process, which holds the other end of its standard input.

    Where that closes, because we ask it to leave or die, the worker ends its step, keeps its state, gives its trial
    back and leaves. It has a group of its own, so that Ctrl-C reaches only us.

    Args:
        arguments: of the Python interpreter that runs us.
        environment: added to ours.
        log: what it says on standard error is added to it.

    Raises:
        RunFailed: the log cannot be opened.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
        self._log = Path(log)
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            opened = self._log.open("ab")
        except OSError as error:
            raise RunFailed(
                f"{log}: expected a writable folder with free space, got {error.strerror}; mend it and go on with "
                "--resume"
            ) from error
        with opened as stream:
            self._child = subprocess.Popen(
                (sys.executable, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def code(self) -> int | None:
        """See `Member`."""
        code = self._child.poll()
        if code is not None:
            self.leave()
        return code

    def last_line(self) -> str:
        """See `Member`."""
        return last_line(self._log)

    def leave(self) -> None:
        """See `Member`."""
        assert self._child.stdin is not None
        self._child.stdin.close()

    def kill(self) -> None:
        """See `Member`."""
        self._child.kill()
        self._child.wait()
        self.leave()


@final
@dataclass(frozen=True, kw_only=True)
class Processes:
    """The engine of one machine.

    Attributes:
        threads: of each worker.
        calls: see `Engine`.
    """

    threads: int
    calls: None = None

    def start(self, order: Order) -> Process:
        """See `Engine`."""
        return Process(order.arguments, {**thread_environment(self.threads), **order.environment}, str(order.log))
