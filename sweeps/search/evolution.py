"""Regularised evolution."""

from __future__ import annotations

from typing import final

from sweeps.search.candidates import Genes
from sweeps.search.method import SearchMethod

POPULATION = 30
TOURNAMENT = 10


@final
class Evolution(SearchMethod):
    """Regularised evolution: the best of a tournament is mutated, the oldest dies.

    The population is the newest ``POPULATION`` architectures. Sizes are those that White et al. 2021
    (https://arxiv.org/abs/2005.02960) use for searches of about this length; the original has 100 and 25
    for 20,000 queries.

    Source: Real et al. 2019, algorithm 1 (https://arxiv.org/abs/1802.01548). Deviation: a mutant that was asked
    before is drawn anew.
    """

    def propose(self) -> Genes | None:
        """A random one for the first population, then a mutant of a tournament's winner."""
        if len(self.history) < min(POPULATION, self.queries):
            return self.random_fresh()
        return self.first_fresh(self._mutant)

    def _mutant(self) -> Genes:
        oldest = len(self.history) - min(POPULATION, len(self.history))
        members = self.rng.choice(range(oldest, len(self.history)), min(TOURNAMENT, POPULATION), replace=False)
        winner = max(members.tolist(), key=lambda index: self.scores[index])
        return self.candidates.mutate(self.history[winner], self.rng)
