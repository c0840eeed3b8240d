"""Data from outside that is safe to use: words, finite numbers, lists and objects, not nested too deep."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEEPEST = 64
"""Lists and objects within each other; what reads or writes them goes down by recursion."""
LARGEST = 2**63
"""Numbers are below it, as they are in tensors and tables."""


def parse_json(text: str) -> Any:
    """Read JSON as RFC 8259 has it, and nothing that only Python takes for it.

    Raises:
        ValueError: no JSON; a key that comes twice in one object, where another reader may have taken the other one;
            what `check_plain` refuses.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    check_plain(value)
    return value


def check_plain(value: Any, *, endless: bool = False) -> None:
    """Check what a reader of JSON or YAML gave.

    Args:
        value: what it gave.
        endless: whether a number may be infinite, as YAML can say it: a limit that is none.

    Raises:
        ValueError: nested too deep, a number that is not finite or does not fit into 64 bits, half of a surrogate
            pair (which cannot be printed or written), or something else than plain data.
    """
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            else:
                _check_single(item, endless)
        if not below:
            return
        level = below
    raise ValueError(f"nested more than {DEEPEST} deep")


def _check_single(item: Any, endless: bool) -> None:
    if isinstance(item, str):
        if not item.isascii():
            item.encode()  # UnicodeEncodeError, a ValueError, for half of a pair
    elif isinstance(item, float):
        if not math.isfinite(item) and not (endless and math.isinf(item)):
            raise ValueError("a number that is not finite")
    elif isinstance(item, int):
        if not -LARGEST <= item < LARGEST:
            raise ValueError("a whole number that does not fit into 64 bits")
    elif item is not None:
        raise ValueError(f"a {type(item).__name__}, which is no word, number, truth value or null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(names) if names.index(key) != place)
        raise ValueError(f"key {twice[:60]!r} twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
