"""Local search."""

from __future__ import annotations

from typing import final

from sweeps.search.candidates import Genes
from sweeps.search.method import SearchMethod

START = 10


@final
class LocalSearch(SearchMethod):
    """Local search: climb to the first better neighbour, start anew at random where there is none.

    The climb begins at the best of ``START`` random architectures; neighbours come in random order.

    Source: White et al. 2021, algorithm 1 with the query-until-lower variant (https://arxiv.org/abs/2005.02960).
    """

    def propose(self) -> Genes | None:
        """The next unseen neighbour, or a random restart."""
        if len(self.history) < START:
            return self.random_fresh()
        while self._left:
            genes = self._left.pop()
            if self.fresh(genes):
                return genes
        self._top = None
        return self.random_fresh()

    def learn(self) -> None:
        """Climb if the newest is better than where we stand."""
        count = len(self.scores)
        if count == START:
            self._climb(self.best())
        elif count > START and (self._top is None or self.scores[-1] > self.scores[self._top]):
            self._climb(count - 1)

    _top: int | None = None
    _left: list[Genes]

    def _climb(self, index: int) -> None:
        self._top = index
        around = self.candidates.neighbours(self.history[index])
        self._left = [around[i] for i in self.rng.permutation(len(around))]
