"""Predictor-guided search: our best method on tables."""

from __future__ import annotations

from typing import final

from sweeps.search.believing import BelievingMethod
from sweeps.search.candidates import Candidates, Genes
from sweeps.search.gaussian_process import Blocks

POOL = 1000
RENEWED = 50
WALKS = 8


@final
class Predictor(BelievingMethod):
    """Predictor-guided search: a Gaussian process over genes and ways through the graph, expected improvement.

    How it asks and picks, see ``BelievingMethod``. It opens with random architectures. Candidates are a pool of
    ``POOL`` random architectures, of which ``RENEWED`` change at each query (or the whole of a space that is no
    larger), all neighbours of the ones believed best and ``WALKS`` mutants of mutants of each.

    Nothing in it knows the space but its tree of choices and its graph.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed, blocks=2)
        self._pool: list[Genes] = []

    def opening(self) -> Genes | None:
        """Random."""
        return self.random_fresh()

    def describe(self, many: list[Genes]) -> Blocks:
        """Genes and ways."""
        return self.features.blocks(many)

    def choice(self, parents: list[Genes]) -> list[Genes]:
        """Near the best, then the pool."""
        if self.candidates.size <= POOL:
            self._pool = self._pool or list(self.candidates.all())
        else:
            missing = RENEWED if self._pool else POOL
            self._pool = self._pool[-(POOL - missing) :] if self._pool else []
            self._pool += [self.candidates.sample(self.rng) for _ in range(missing)]
        near: list[Genes] = []
        for parent in parents:
            near += self.candidates.neighbours(parent)
            for _ in range(WALKS):
                near.append(self.candidates.mutate(self.candidates.mutate(parent, self.rng), self.rng))
        return near + self._pool
