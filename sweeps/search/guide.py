"""What a method may follow: scores with generated weights, or relaxed gates; made before a search, at its expense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

from search_spaces import Architecture, WeightloomError
from search_spaces.architecture import Genome
from workbench.search_summary import Relaxed


class Followed(Protocol):
    """Made before a method is first asked.

    Attributes:
        seconds: of processor time that making it took; they count as the search's own.
    """

    @property
    def seconds(self) -> float:
        """See above."""
        ...


class Guide(Followed, Protocol):
    """Scores many architectures without an evaluation; comparable with each other, not with real scores."""

    def scores(self, architectures: Sequence[Architecture]) -> Float[ndarray, " architectures"]:
        """Higher is better; all finite."""
        ...


class Gates(Followed, Protocol):
    """Choices that were optimised by gradient, all at once, in one or several relaxed networks.

    Attributes:
        discretised: what each of them ended at, the most promising first; at least one.
        outcome: what became of the first.
    """

    @property
    def discretised(self) -> Sequence[Genome]:
        """See above."""
        ...

    @property
    def outcome(self) -> Relaxed:
        """See above."""
        ...

    def sample(self, place: int, rng: Generator) -> Genome:
        """A draw from what the relaxed network at ``place`` of ``discretised``, counted around, has learned."""
        ...


@runtime_checkable
class Guiding(Protocol):
    """An evaluator that has guides."""

    def guide(self, seed: int) -> Guide:
        """That of the search with this seed."""
        ...


@runtime_checkable
class Relaxing(Protocol):
    """An evaluator that has relaxed gates."""

    def relaxing(self) -> Callable[[int], Gates]:
        """What makes those of the search with a seed; raises ``WeightloomError`` where its space has none."""
        ...


@runtime_checkable
class Follower(Protocol):
    """A method that follows something; it is given that before it is first asked."""

    @classmethod
    def leader(cls, name: str, evaluator: object) -> Callable[[int], Followed]:
        """What makes that which the search with a seed follows.

        Args:
            name: of the method, for errors.
            evaluator: of the search.

        Raises:
            WeightloomError: it offers nothing to follow.
        """
        ...

    def follow(self, guide: Any) -> None:
        """Take what the leader made."""
        ...


def nothing_to_follow(name: str) -> WeightloomError:
    """The error of a method that can do nothing with a problem."""
    return WeightloomError(
        f"search method {name}: expected a task on which networks can be generated, got a problem without one, "
        "such as a table; search with --task, or leave the method out"
    )
