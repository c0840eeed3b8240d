"""How a method is guided: scores with generated weights, which cost far less than evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray

from search_spaces import Architecture, WeightloomError


class Guide(Protocol):
    """Scores many architectures without an evaluation; comparable with each other, not with real scores.

    Attributes:
        seconds: of processor time that making it took; they count as the search's own.
    """

    @property
    def seconds(self) -> float:
        """See above."""
        ...

    def scores(self, architectures: Sequence[Architecture]) -> Float[ndarray, " architectures"]:
        """Higher is better; all finite."""
        ...


@runtime_checkable
class Guiding(Protocol):
    """An evaluator that has guides."""

    def guide(self, seed: int) -> Guide:
        """That of the search with this seed."""
        ...


@runtime_checkable
class Follower(Protocol):
    """A method that needs a guide; it is given one before it is first asked."""

    def follow(self, guide: Guide) -> None:
        """Take it."""
        ...


def guiding(name: str, evaluator: object) -> Guiding:
    """The evaluator, if the method ``name`` can be guided by it.

    Raises:
        WeightloomError: it has no guides.
    """
    if not isinstance(evaluator, Guiding):
        raise WeightloomError(
            f"search method {name}: expected a task on which networks can be generated, got a problem without one, "
            "such as a table; search with --task, or leave the method out"
        )
    return evaluator
