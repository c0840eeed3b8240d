"""Ctrl-C that lets the running step end: the first signal waits for a good moment, the second does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Deferred:
    """A signal that was heard and not yet answered.

    Attributes:
        pending: its number, or None.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self._before: dict[int, Callable[..., Any]] = {}

    def deliver(self) -> None:
        """Answer it now, as it would have been answered at once without us; usually raises."""
        if self.pending is not None:
            number, self.pending = self.pending, None
            self._before[number](number, None)


@contextmanager
def deferring(say: Callable[[str], None]) -> Iterator[Deferred]:
    """Hold back the first SIGINT or SIGTERM in this block until `Deferred.deliver` or the end of the block.

    Only handlers written in Python are held back; in other threads than the main one nothing is.
    """
    deferred = Deferred()
    if threading.current_thread() is not threading.main_thread():
        yield deferred
        return

    def hear(number: int, frame: Any) -> None:
        if deferred.pending is not None:
            deferred.deliver()
        deferred.pending = number
        say("stopping after this step, with all saved; Ctrl-C again stops now")

    for number in NUMBERS:
        if callable(before := signal.getsignal(number)):
            deferred._before[number] = before
            signal.signal(number, hear)
    try:
        yield deferred
    finally:
        for heard, before in deferred._before.items():
            if signal.getsignal(heard) is hear:
                signal.signal(heard, before)
    deferred.deliver()
