"""Search by relaxed gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from search_spaces import WeightloomError
from sweeps.search.candidates import Candidates, Genes, freeze
from sweeps.search.guide import Gates, Relaxing, nothing_to_follow
from sweeps.search.method import SearchMethod
from workbench.search_summary import Relaxed as Outcome


@final
class Relaxed(SearchMethod):
    """Search by relaxed gates: choices optimised by gradient through a generator, then made discrete and trained.

    Before the first query all options of a space's choices stand side by side in one network, behind gates that are
    optimised through the generator of its weights; see ``workbench.relaxed``. The first queries go to what the gates
    ended at (one architecture for each draw of the choices that cannot be relaxed, the best generated score first),
    the others to draws from what they learned. Answers do not change the gates; the pick has the highest score.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed)
        self._gates: Gates | None = None

    @classmethod
    def leader(cls, name: str, evaluator: object) -> Callable[[int], Gates]:
        """The evaluator's relaxed gates."""
        if not isinstance(evaluator, Relaxing):
            raise nothing_to_follow(name)
        return evaluator.relaxing()

    def follow(self, guide: Gates) -> None:
        """The gates; given once, before the first ``ask``."""
        self._gates = guide

    def outcome(self) -> Outcome | None:
        """What became of the gates."""
        return None if self._gates is None else self._gates.outcome

    def propose(self) -> Genes | None:
        """What the gates ended at, then draws from what they learned, in turns."""
        if self._gates is None:
            raise WeightloomError("search method relaxed: expected gates, got none; call follow before ask")
        gates, place = self._gates, len(self.history)
        for genome in gates.discretised:
            if self.fresh(freeze(dict(genome))):
                return freeze(dict(genome))
        return self.first_fresh(lambda: freeze(dict(gates.sample(place, self.rng))))
