"""Generator-guided search."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import final

import numpy as np
from scipy.stats import norm

from search_spaces import WeightloomError
from sweeps.search.believing import BelievingMethod
from sweeps.search.candidates import Candidates, Genes
from sweeps.search.gaussian_process import Blocks
from sweeps.search.guide import Guide, Guiding, nothing_to_follow

DRAWN = 500
SHORTLIST = 100
WALKS = 4


@final
class Guided(BelievingMethod):
    """Generator-guided search: many candidates are scored with generated weights, the best are really evaluated.

    1. ``DRAWN`` random architectures are scored by the guide (or the whole of a space that is no larger).
    2. The first queries go to the best of these, in that order.
    3. Then the order is revised by the answers: how the generated score of an architecture ranks among the drawn
       goes into the predictor's Gaussian process as a third block of features, beside genes and ways; asked and
       picked as in ``BelievingMethod``. Candidates are the ``SHORTLIST`` best of the drawn that were not asked,
       and ``WALKS`` mutants of each of the ones believed best, which are scored by the guide too. The rest of the
       drawn are no candidates: far from all that was asked the process expects the mean of what was asked, which
       is too much for architectures that the guide puts last.

    A guide that knows nothing leaves the predictor on a random shortlist.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed, blocks=3)
        self._guide: Guide | None = None
        self._generated: dict[str, float] = {}
        self._drawn: list[float] = []
        self._order: list[Genes] = []

    @classmethod
    def leader(cls, name: str, evaluator: object) -> Callable[[int], Guide]:
        """The evaluator's guides."""
        if not isinstance(evaluator, Guiding):
            raise nothing_to_follow(name)
        return evaluator.guide

    def follow(self, guide: Guide) -> None:
        """The guide; given once, before the first ``ask``."""
        self._guide = guide

    def opening(self) -> Genes | None:
        """The best of the drawn by generated score."""
        self._draw()
        for genes in self._order:
            if self.fresh(genes):
                return genes
        return self.random_fresh()

    def describe(self, many: list[Genes]) -> Blocks:
        """Genes, ways and the generated score: the normal quantile of its rank among the drawn.

        Divided by √2, so that two random architectures are at distance 1 as in the other blocks.
        """
        self._score(many)
        mine = np.array([self._generated[self.candidates.key(genes)] for genes in many])
        below = np.searchsorted(self._drawn, mine, side="left") + np.searchsorted(self._drawn, mine, side="right")
        share = (below / 2 + 0.5) / (len(self._drawn) + 1)
        return (*self.features.blocks(many), np.asarray(norm.ppf(share))[:, None] / np.sqrt(2))

    def choice(self, parents: list[Genes]) -> list[Genes]:
        """The shortlist, then mutants of the best."""
        mutants = [self.candidates.mutate(parent, self.rng) for parent in parents for _ in range(WALKS)]
        fresh = (genes for genes in self._order if self.fresh(genes))
        return list(itertools.islice(fresh, SHORTLIST)) + mutants

    def _draw(self) -> None:
        if self._order:
            return
        if self.candidates.size <= DRAWN:
            drawn = list(self.candidates.all())
        else:
            drawn = [self.candidates.sample(self.rng) for _ in range(DRAWN)]
        by_key = {self.candidates.key(genes): genes for genes in drawn}
        self._score(list(by_key.values()))
        self._order = sorted(by_key.values(), key=lambda genes: -self._generated[self.candidates.key(genes)])
        self._drawn = sorted(self._generated.values())

    def _score(self, many: list[Genes]) -> None:
        """Ask the guide about all that it was not asked about before."""
        if self._guide is None:
            raise WeightloomError("search method guided: expected a guide, got none; call follow before ask")
        new = {key: genes for genes in many if (key := self.candidates.key(genes)) not in self._generated}
        if new:
            found = self._guide.scores([self.candidates.architecture(genes) for genes in new.values()])
            self._generated.update(zip(new, found.tolist(), strict=True))
