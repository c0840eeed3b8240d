"""A cache that is bounded by the memory it holds, where values differ in size a thousandfold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import update_wrapper
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A function of hashable arguments whose last results are kept: the last one always, earlier ones within a bound.

    Args:
        function: that is called for what is not kept.
        size: bytes of a result.
        most: bytes of all that are kept, but for the last.
    """

    def __init__(self, function: Callable[..., Value], size: Callable[[Value], int], most: int) -> None:
        self._function, self._size, self._most = function, size, most
        self._found: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0
        update_wrapper(self, function)

    def __call__(self, *arguments: Hashable) -> Value:
        """The result for these arguments, kept or made."""
        with self._lock:
            known = self._found.get(arguments)
            if known is not None:
                self._found.move_to_end(arguments)
                return known[0]
        value = self._function(*arguments)
        size = self._size(value)
        with self._lock:
            if arguments not in self._found:
                self._found[arguments] = value, size
                self.bytes += size
            while self.bytes > self._most and len(self._found) > 1:
                self.bytes -= self._found.popitem(last=False)[1][1]
        return value

    def __len__(self) -> int:
        """Results that are kept."""
        return len(self._found)


def kept(size: Callable[[Value], int], most: int) -> Callable[[Callable[..., Value]], Kept[Value]]:
    """Decorates a function: see `Kept`."""
    return lambda function: Kept(function, size, most)
