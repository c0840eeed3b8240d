"""What methods that believe something of unseen architectures share: a Gaussian process and expected improvement."""

from __future__ import annotations

from abc import abstractmethod
from typing import final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, rankdata

from sweeps.search.candidates import Candidates, Genes
from sweeps.search.features import Features
from sweeps.search.gaussian_process import Blocks, GaussianProcess
from sweeps.search.method import SearchMethod

START = 10
REFIT = 10
PARENTS = 5

_FEATURES: WeakKeyDictionary[Candidates, Features] = WeakKeyDictionary()


class BelievingMethod(SearchMethod):
    """Asks what promises most under a Gaussian process; a variant says what that sees and what it may choose from.

    1. ``START`` architectures by ``opening``.
    2. Scores become normal quantiles of their ranks (a Gaussian copula: an architecture that fails outright
       is not allowed to flatten all others; Salinas et al. 2020, https://arxiv.org/abs/1909.13595, section 3).
    3. The Gaussian process is fitted to them (hyperparameters every ``REFIT`` queries).
    4. Of the candidates the fresh one with the highest expected improvement over the highest mean
       among those asked is asked next (Jones et al. 1998, equation 15; the mean instead of the best score,
       since scores are noisy).
    5. The pick is the architecture asked with the highest posterior mean, not the highest score: the process
       smooths the noise of single answers over similar architectures.

    Args:
        candidates: the space.
        queries: how many queries there will be.
        seed: of everything random.
        blocks: of features that ``describe`` gives.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int, blocks: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed)
        if candidates not in _FEATURES:
            _FEATURES[candidates] = Features(candidates)
        self.features = _FEATURES[candidates]
        self._process = GaussianProcess(blocks=blocks)
        self._fitted = 0

    @abstractmethod
    def opening(self) -> Genes | None:
        """The next of the first ``START``; ``None`` where there are no more."""

    @abstractmethod
    def describe(self, many: list[Genes]) -> Blocks:
        """What the process sees of architectures."""

    @abstractmethod
    def choice(self, parents: list[Genes]) -> list[Genes]:
        """Candidates for the next query, fresh or not.

        Args:
            parents: the ``PARENTS`` asked that are believed best, best first.
        """

    @final
    def propose(self) -> Genes | None:
        """The opening first, then the fresh candidate that promises most."""
        if len(self.history) < START:
            return self.opening()
        targets, seen = self._targets(), self.describe(self.history)
        if not self._fitted or len(targets) >= self._fitted + REFIT:
            self._process.fit(seen, targets)
            self._fitted = len(targets)
        own = self._process.posterior(seen, targets, seen).mean
        parents = [self.history[int(index)] for index in np.argsort(-own, kind="stable")[:PARENTS]]
        by_key = {self.candidates.key(genes): genes for genes in reversed(self.choice(parents))}
        asked = [genes for genes in reversed(by_key.values()) if self.fresh(genes)]
        if not asked:
            return self.random_fresh()
        believed = self._process.posterior(seen, targets, self.describe(asked))
        gain = _expected_improvement(believed.mean, believed.deviation, float(own.max()))
        return asked[int(np.argmax(gain))]

    @final
    def best(self) -> int:
        """The highest posterior mean; by score while there are too few to fit."""
        if len(self.scores) <= START or not np.isfinite(self.scores).any():
            return int(np.argmax(self.scores))
        targets, seen = self._targets(), self.describe(self.history)
        self._process.fit(seen, targets)
        mean = self._process.posterior(seen, targets, seen).mean
        return int(np.argmax(np.where(np.isfinite(self.scores), mean, -np.inf)))

    def _targets(self) -> Float[np.ndarray, " seen"]:
        ranks = rankdata(self.scores)
        return np.asarray(norm.ppf((ranks - 0.5) / len(ranks)))


def _expected_improvement(
    mean: Float[np.ndarray, " candidates"], deviation: Float[np.ndarray, " candidates"], best: float
) -> Float[np.ndarray, " candidates"]:
    """Mean of ``max(value − best, 0)`` under the posterior."""
    ratio = (mean - best) / deviation
    return deviation * (ratio * norm.cdf(ratio) + norm.pdf(ratio))
