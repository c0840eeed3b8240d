"""A search method: ask it for an architecture, tell it the score, and in the end let it pick."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from search_spaces import Architecture, WeightloomError
from sweeps.search.candidates import Candidates, Genes
from workbench.search_summary import Relaxed

TRIES = 200
LISTABLE = 50_000


class SearchMethod(ABC):
    """Knows a space and the scores told, nothing else; the same seed and scores give the same search.

    No two queries have the same key: a variant overrides ``propose``, which returns genes that are ``fresh``.
    Not safe to share between threads. Calls alternate: ``ask``, ``tell``, ``ask``, …

    Args:
        candidates: the space.
        queries: how many queries there will be; at least 1.
        seed: of everything random.

    Attributes:
        history: genes asked so far.
        scores: told for them, higher better; a failed evaluation counts as −inf.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        if queries < 1:
            raise WeightloomError(f"search: queries: expected an integer of at least 1, got {queries}")
        self.candidates = candidates
        self.queries = queries
        self.rng = np.random.default_rng(seed)
        self.history: list[Genes] = []
        self.scores: list[float] = []
        self._seen: set[str] = set()

    @abstractmethod
    def propose(self) -> Genes | None:
        """The next genes to ask about, ``fresh`` ones; ``None`` where there are no more."""

    def learn(self) -> None:  # noqa: B027  not every method has something to learn
        """Called after each ``tell``; the newest is last in ``history`` and ``scores``."""

    def best(self) -> int:
        """Index of the pick in ``history``; by default the highest score, the earliest of equals."""
        return int(np.argmax(self.scores))

    def outcome(self) -> Relaxed | None:
        """What became of relaxed gates; most methods have none."""
        return None

    @final
    def ask(self) -> Architecture | None:
        """The next architecture to evaluate; ``None`` = every architecture of the space has been asked."""
        if len(self.history) != len(self.scores):
            raise WeightloomError("search: ask was called twice; tell the score of the last architecture first")
        genes = self.propose()
        if genes is None:
            return None
        self.history.append(genes)
        self._seen.add(self.candidates.key(genes))
        return self.candidates.architecture(genes)

    @final
    def tell(self, score: float) -> None:
        """The score of the architecture asked last; NaN = it failed."""
        if len(self.history) != len(self.scores) + 1:
            raise WeightloomError("search: tell was called without ask; ask for an architecture first")
        self.scores.append(-math.inf if math.isnan(score) else float(score))
        self.learn()

    @final
    def pick(self) -> int:
        """Index of the architecture that the method believes to be the best among those asked."""
        if not self.scores:
            raise WeightloomError("search: nothing to pick from; ask and tell at least once")
        return self.best()

    @final
    def fresh(self, genes: Genes) -> bool:
        """Whether no architecture with the same key was asked."""
        return self.candidates.key(genes) not in self._seen

    @final
    def first_fresh(self, draw: Callable[[], Genes]) -> Genes | None:
        """The first fresh genes out of several draws, else ``random_fresh``."""
        for _ in range(TRIES):
            genes = draw()
            if self.fresh(genes):
                return genes
        return self.random_fresh()

    @final
    def random_fresh(self) -> Genes | None:
        """Random fresh genes; a space small enough to be listed is searched to the end."""
        for _ in range(TRIES):
            genes = self.candidates.sample(self.rng)
            if self.fresh(genes):
                return genes
        if self.candidates.size > LISTABLE:
            return None
        left: Sequence[Genes] = [genes for genes in self.candidates.all() if self.fresh(genes)]
        return left[int(self.rng.integers(len(left)))] if left else None
