"""Predictor-guided search: our best method."""

from __future__ import annotations

from typing import final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, rankdata

from sweeps.search.candidates import Candidates, Genes
from sweeps.search.features import Features
from sweeps.search.gaussian_process import GaussianProcess
from sweeps.search.method import SearchMethod

START = 10
REFIT = 10
POOL = 1000
RENEWED = 50
PARENTS = 5
WALKS = 8

_FEATURES: WeakKeyDictionary[Candidates, Features] = WeakKeyDictionary()


@final
class Predictor(SearchMethod):
    """Predictor-guided search: a Gaussian process over genes and ways through the graph, expected improvement.

    1. ``START`` random architectures.
    2. Scores become normal quantiles of their ranks (a Gaussian copula: an architecture that fails outright
       is not allowed to flatten all others; Salinas et al. 2020, https://arxiv.org/abs/1909.13595, section 3).
    3. The Gaussian process is fitted to them (hyperparameters every ``REFIT`` queries).
    4. Candidates are a pool of ``POOL`` random architectures, of which ``RENEWED`` change at each query (or the
       whole of a space that is no larger), all neighbours of the ``PARENTS`` believed best and ``WALKS``
       mutants of mutants of each. The fresh one with the highest expected improvement over the highest mean
       among those asked is asked next (Jones et al. 1998, equation 15; the mean instead of the best score,
       since scores are noisy).
    5. The pick is the architecture asked with the highest posterior mean, not the highest score: the process
       smooths the noise of single answers over similar architectures.

    Nothing in it knows the space but its tree of choices and its graph.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed)
        if candidates not in _FEATURES:
            _FEATURES[candidates] = Features(candidates)
        self._features = _FEATURES[candidates]
        self._process = GaussianProcess(blocks=2)
        self._fitted = 0
        self._pool: list[Genes] = []

    def propose(self) -> Genes | None:
        """Random ones first, then the fresh candidate that promises most."""
        if len(self.history) < START:
            return self.random_fresh()
        targets, seen = self._targets(), self._features.blocks(self.history)
        if not self._fitted or len(targets) >= self._fitted + REFIT:
            self._process.fit(seen, targets)
            self._fitted = len(targets)
        own = self._process.posterior(seen, targets, seen).mean
        asked = self._asked(own)
        if not asked:
            return self.random_fresh()
        believed = self._process.posterior(seen, targets, self._features.blocks(asked))
        gain = _expected_improvement(believed.mean, believed.deviation, float(own.max()))
        return asked[int(np.argmax(gain))]

    def best(self) -> int:
        """The highest posterior mean; by score while there are too few to fit."""
        if len(self.scores) <= START or not np.isfinite(self.scores).any():
            return int(np.argmax(self.scores))
        targets, seen = self._targets(), self._features.blocks(self.history)
        self._process.fit(seen, targets)
        mean = self._process.posterior(seen, targets, seen).mean
        return int(np.argmax(np.where(np.isfinite(self.scores), mean, -np.inf)))

    def _targets(self) -> Float[np.ndarray, " seen"]:
        ranks = rankdata(self.scores)
        return np.asarray(norm.ppf((ranks - 0.5) / len(ranks)))

    def _asked(self, own: Float[np.ndarray, " seen"]) -> list[Genes]:
        """Fresh candidates, one a key."""
        if self.candidates.size <= POOL:
            self._pool = self._pool or list(self.candidates.all())
        else:
            missing = RENEWED if self._pool else POOL
            self._pool = self._pool[-(POOL - missing) :] if self._pool else []
            self._pool += [self.candidates.sample(self.rng) for _ in range(missing)]
        near: list[Genes] = []
        for index in np.argsort(-own, kind="stable")[:PARENTS]:
            parent = self.history[int(index)]
            near += self.candidates.neighbours(parent)
            for _ in range(WALKS):
                near.append(self.candidates.mutate(self.candidates.mutate(parent, self.rng), self.rng))
        by_key = {self.candidates.key(genes): genes for genes in reversed(near + self._pool)}
        return [genes for genes in reversed(by_key.values()) if self.fresh(genes)]


def _expected_improvement(
    mean: Float[np.ndarray, " candidates"], deviation: Float[np.ndarray, " candidates"], best: float
) -> Float[np.ndarray, " candidates"]:
    """Mean of ``max(value − best, 0)`` under the posterior."""
    ratio = (mean - best) / deviation
    return deviation * (ratio * norm.cdf(ratio) + norm.pdf(ratio))
