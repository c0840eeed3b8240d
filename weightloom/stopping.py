"""A signal that asks to stop, as an exception that nothing on the way takes for a failure."""

from __future__ import annotations

from typing import final


@final
class Stopped(BaseException):
    """Ctrl-C or SIGTERM.

    No `KeyboardInterrupt`, which Lightning answers by leaving the process, and no `Exception`, so that a
    sweep does not record it as a failed trial.

    Attributes:
        signal: its number.
        advice: how to go on; set by the command that was stopped.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal
        self.advice = ""

    @property
    def message(self) -> str:
        """One line for the user."""
        return f"stopped; {self.advice}" if self.advice else "stopped"
