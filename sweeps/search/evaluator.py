"""What a search asks: the score of an architecture, from a table, from training or from generated weights."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from search_spaces import Architecture, SearchSpace


class Evaluator(Protocol):
    """Answers queries. Higher is better; NaN = the evaluation failed."""

    def score(self, architecture: Architecture) -> float:
        """What a query answers."""
        ...

    def final_score(self, architecture: Architecture) -> float:
        """What the architecture picked in the end is judged by; no method sees it."""
        ...

    @property
    def best_score(self) -> float | None:
        """The highest ``score`` in the space; ``None`` = not known, and then there is no regret."""
        ...

    @property
    def best_final_score(self) -> float | None:
        """The highest ``final_score`` in the space, or ``None``."""
        ...


@runtime_checkable
class Costly(Protocol):
    """An evaluator whose answers take time, such as real training."""

    def seconds(self, architecture: Architecture) -> float:
        """Processor seconds that the answer to ``score`` took when it was made.

        Every search pays for its own queries, even for an answer that another one had found and kept.
        """
        ...


class Problem(Protocol):
    """How a process gets its space and its evaluator; must be picklable, and open the same ones everywhere."""

    def open(self) -> tuple[SearchSpace, Evaluator]:
        """Called once per process."""
        ...
