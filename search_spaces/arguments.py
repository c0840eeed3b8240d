"""What the constructors of spaces check alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.operations.operation import LARGEST

MOST = {"depths": 64, "nodes": 64, "cells": 64, "stages": 8}
"""Of what multiplies choices, so that a file that names arguments can ask for no space larger than some seconds."""
OPTIONS = 1024
"""Numbers that one argument may list."""


def whole_numbers(space: str, least: int, values: Mapping[str, Sequence[int]]) -> None:
    """Check that every argument of ``values`` has integers of at least ``least`` only, and none too large.

    Raises:
        WeightloomError: naming the argument.
    """
    for what, numbers in values.items():
        most = MOST.get(what, LARGEST)
        if len(numbers) > min(most + 1, OPTIONS):
            raise WeightloomError(
                f"space {space}: expected at most {min(most + 1, OPTIONS)} of {what}, got {len(numbers)}"
            )
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= least for n in numbers):
            raise WeightloomError(f"space {space}: {what} must be integers of at least {least}, got {list(numbers)}")
        if any(n > most for n in numbers):
            raise WeightloomError(f"space {space}: {what} must be integers of at most {most}, got {list(numbers)}")


def known_words(space: str, words: Mapping[str, tuple[Sequence[str], Iterable[str]]]) -> None:
    """Check that of each kind of word there is one, and that all are known: kind → (words, known ones).

    Raises:
        WeightloomError: there is none of a kind.
        UnknownName: one is unknown; the nearest is named.
    """
    for what, (given, known) in words.items():
        choices = tuple(known)
        if not given:
            raise WeightloomError(f"space {space}: expected at least one {what} of {', '.join(choices)}, got none")
        for word in given:
            if word not in choices:
                raise UnknownName(what, word, choices)


def heads_divide(space: str, heads: Sequence[int], widths: Sequence[int]) -> None:
    """Check that any number of attention heads fits any width; raises naming the two that do not."""
    for width, count in ((w, h) for w in widths for h in heads):
        if width % count:
            raise WeightloomError(
                f"space {space}: every one of heads must divide each of widths, got {count} heads for width {width}; "
                "leave one of them out"
            )
