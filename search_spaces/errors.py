"""The root of every error that weightloom raises on purpose."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from search_spaces.secrets import redacted

LONGEST = 1500
"""Characters of a message; nobody reads more."""


def printable(text: str) -> str:
    """``text`` with what a terminal would obey spelled out; it may come from a hostile file."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in " \n\t" else c.encode("unicode_escape").decode() for c in text)


def readable(text: str) -> str:
    """``text`` as `printable`, and without its middle where it is too long."""
    return _cut(printable(_cut(text)))


def in_one_line(error: BaseException, most: int = 300) -> str:
    """What an error says, with single spaces for line breaks and at most so many characters of it, without secrets."""
    return _without_secrets(" ".join(str(error).split()))[:most]  # a secret that was cut would not be known any more


def _without_secrets(text: str) -> str:
    """Of a very long text the ends, as looking for secrets takes time with its square; what is kept lies far inside."""
    most = 2 * LONGEST
    return redacted(text if len(text) <= 2 * most else f"{text[:most]} … {text[-most:]}")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST * 2 // 3]} … {text[-LONGEST // 3 :]}"


class WeightloomError(Exception):
    """A mistake that a user can mend; the message says subject, expected, got and remedy.

    The command line prints it in one line without a traceback and exits with ``exit_code``. What it quotes may come
    from a hostile file: characters that a terminal would obey are spelled out, and of a long text the middle is left
    out.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(readable(_without_secrets(message)))


class RunFailed(WeightloomError):
    """The input was fine but the work failed (a NaN in training, a failed export check)."""

    exit_code = 1


class UnknownName(WeightloomError):
    """A name that is not among the known ones; lists them and names the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}.{hint} Known: {', '.join(self.known) or 'none'}.")

    def __reduce__(self) -> tuple[type[UnknownName], tuple[str, str, list[str]]]:
        """The way between processes: the message alone would not do."""
        return type(self), (self.kind, self.name, self.known)


class DamagedFile(WeightloomError):
    """A file whose content does not match its checksum or schema; it is never half-used."""
