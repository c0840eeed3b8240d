"""How a sweep tells what it is doing."""

from __future__ import annotations

from typing import Protocol, final


class Watcher(Protocol):
    """Told about progress, in the thread of the sweep; must return quickly and raise nothing."""

    def progress(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of ``stage`` are done; a new name begins a new stage."""
        ...

    def say(self, line: str) -> None:
        """One line worth keeping, such as how a trial ended."""
        ...


@final
class Silent:
    """Tells nobody."""

    def progress(self, stage: str, done: int, total: int) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""
