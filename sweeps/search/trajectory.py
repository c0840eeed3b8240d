"""One search from its first query to its pick."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from search_spaces import Architecture
from sweeps.search.candidates import Candidates
from sweeps.search.evaluator import Evaluator
from sweeps.search.method import SearchMethod


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """What one search did.

    Attributes:
        method: name of the method.
        seed: of the search.
        keys: of the architectures asked, in order; all differ.
        scores: what the queries answered; NaN = failed.
        pick: index of the architecture picked.
        architecture: the architecture picked.
        final_score: of the pick.
        seconds: spent by the method, without the evaluations.
    """

    method: str
    seed: int
    keys: tuple[str, ...]
    scores: tuple[float, ...]
    pick: int
    architecture: Architecture
    final_score: float
    seconds: float

    def best_so_far(self, queries: int) -> list[float]:
        """The highest score after each of ``queries`` queries; never falls; −inf until one succeeds.

        A search that ran out of architectures keeps its last value.
        """
        best, curve = -math.inf, []
        for score in self.scores[:queries]:
            best = max(best, score) if not math.isnan(score) else best
            curve.append(best)
        return curve + [best] * (queries - len(curve))


def search_once(
    name: str,
    kind: type[SearchMethod],
    candidates: Candidates,
    evaluator: Evaluator,
    *,
    queries: int,
    seed: int,
) -> Trajectory:
    """Ask and tell until the queries are spent or the space is."""
    began = time.process_time()
    away = 0.0
    method = kind(candidates, queries=queries, seed=seed)
    scores: list[float] = []
    while len(scores) < queries:
        architecture = method.ask()
        if architecture is None:
            break
        left = time.process_time()
        scores.append(evaluator.score(architecture))
        away += time.process_time() - left
        method.tell(scores[-1])
    pick = method.pick()
    picked = candidates.architecture(method.history[pick])
    seconds = time.process_time() - began - away
    return Trajectory(
        method=name,
        seed=seed,
        keys=tuple(candidates.key(genes) for genes in method.history),
        scores=tuple(scores),
        pick=pick,
        architecture=picked,
        final_score=evaluator.final_score(picked),
        seconds=seconds,
    )
