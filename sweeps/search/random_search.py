"""Random search."""

from __future__ import annotations

from typing import final

from sweeps.search.candidates import Genes
from sweeps.search.method import SearchMethod


@final
class RandomSearch(SearchMethod):
    """Random search: every choice drawn uniformly, no architecture twice."""

    def propose(self) -> Genes | None:
        """Any fresh genes."""
        return self.random_fresh()
