"""The root of every error that weightloom raises on purpose."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WeightloomError(Exception):
    """A mistake that a user can mend; the message says subject, expected, got and remedy.

    The command line prints it in one line without a traceback and exits with ``exit_code``.
    """

    exit_code = 2


class RunFailed(WeightloomError):
    """The input was fine but the work failed (a NaN in training, a failed export check)."""

    exit_code = 1


class UnknownName(WeightloomError):
    """A name that is not among the known ones; lists them and names the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}.{hint} Known: {', '.join(self.known) or 'none'}.")


class DamagedFile(WeightloomError):
    """A file whose content does not match its checksum or schema; it is never half-used."""
