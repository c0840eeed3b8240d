"""A search space as search methods need it: genes to draw, change and tell apart, remembered between searches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import final

import numpy as np

from search_spaces import Architecture, Choice, SearchSpace, choices
from search_spaces.architecture import Value

Genes = tuple[tuple[str, Value], ...]
"""A genome that can be a key of a dictionary: pairs sorted by name."""

REMEMBERED = 20_000


@final
class Candidates:
    """Genomes of one space. Keys are computed once a genome, which is most of what a search costs.

    Args:
        space: to search.

    Attributes:
        core: genes → the part of the architecture that they decide about.
        key: genes → the core's key; two genomes with one key are the same candidate.
        neighbours: genes → every genome one choice away.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.tree = space.tree
        self.size = space.size
        self.key = lru_cache(REMEMBERED)(self._key)
        self.core = lru_cache(REMEMBERED)(self._core)
        self.neighbours = lru_cache(REMEMBERED)(self._neighbours)

    def sample(self, rng: np.random.Generator) -> Genes:
        """Genes with every choice drawn uniformly."""
        return freeze(choices.walk(self.tree, lambda choice: _pick(choice, rng)))

    def mutate(self, genes: Genes, rng: np.random.Generator) -> Genes:
        """One choice changed at random."""
        return freeze(choices.mutate(self.tree, dict(genes), lambda choice: _pick(choice, rng)))

    def all(self) -> Iterator[Genes]:
        """Every genome of the space."""
        return map(freeze, choices.genomes(self.tree))

    def architecture(self, genes: Genes) -> Architecture:
        """What the genes compose to."""
        return self.space.compose(dict(genes))

    def _neighbours(self, genes: Genes) -> tuple[Genes, ...]:
        return tuple(freeze(genome) for genome in choices.neighbours(self.tree, dict(genes)))

    def _core(self, genes: Genes) -> Architecture:
        return self.space.core(dict(genes))

    def _key(self, genes: Genes) -> str:
        return self.core(genes).key


def freeze(genome: dict[str, Value]) -> Genes:
    """The genes of a genome."""
    return tuple(sorted(genome.items()))


def _pick(choice: Choice, rng: np.random.Generator) -> Value:
    return choice.options[int(rng.integers(len(choice.options)))]
