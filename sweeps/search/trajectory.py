"""One search from its first query to its pick."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from search_spaces import Architecture
from sweeps.search.candidates import Candidates
from sweeps.search.evaluator import Costly, Evaluator
from sweeps.search.guide import Follower
from sweeps.search.method import SearchMethod
from workbench.search_summary import Relaxed


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
        seconds: of processor time spent by the method and on training its guide, without the evaluations.
        elapsed: processor seconds that method, guide and evaluations had taken after each query.
        relaxed: what became of relaxed gates, if the method has them.
    """

    method: str
    seed: int
    keys: tuple[str, ...]
    scores: tuple[float, ...]
    pick: int
    architecture: Architecture
    final_score: float
    seconds: float
    elapsed: tuple[float, ...]
    relaxed: Relaxed | None = None

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
    seconds: float = math.inf,
) -> Trajectory:
    """Ask and tell until the queries are spent, or the seconds, or the space.

    Args:
        name: of the method, for the record.
        kind: the method.
        candidates: the space.
        evaluator: answers; if it is ``Costly``, its seconds count.
        queries: at most.
        seed: of the search.
        seconds: of processor time after which no further query is made; at least one is.

    Raises:
        WeightloomError: the method follows something that the evaluator does not offer.
    """
    clock = _Clock()
    method = kind(candidates, queries=queries, seed=seed)
    if isinstance(method, Follower):
        with clock.stopped():  # a guide says itself what it cost, as it may have been trained before
            guide = method.leader(name, evaluator)(seed)
        clock.spent += guide.seconds
        method.follow(guide)
    scores: list[float] = []
    elapsed: list[float] = []
    paid = 0.0
    while len(scores) < queries and not (elapsed and elapsed[-1] >= seconds):
        architecture = method.ask()
        if architecture is None:
            break
        with clock.stopped():
            scores.append(evaluator.score(architecture))
            paid += evaluator.seconds(architecture) if isinstance(evaluator, Costly) else 0.0
        method.tell(scores[-1])
        elapsed.append(clock.seconds() + paid)
    pick = method.pick()
    picked = candidates.architecture(method.history[pick])
    spent = clock.seconds()
    return Trajectory(
        method=name,
        seed=seed,
        keys=tuple(candidates.key(genes) for genes in method.history),
        scores=tuple(scores),
        pick=pick,
        architecture=picked,
        final_score=evaluator.final_score(picked),
        seconds=spent,
        elapsed=tuple(elapsed),
        relaxed=method.outcome(),
    )


class _Clock:
    """Processor time since it was made, without what passes while it is stopped."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._since = time.process_time()

    def seconds(self) -> float:
        return self.spent + time.process_time() - self._since

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.spent += time.process_time() - self._since
        try:
            yield
        finally:
            self._since = time.process_time()
