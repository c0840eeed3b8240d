"""What a predictor sees of an architecture: its genes, and the ways through its graph.

Dimensions: ``candidates``, ``genes`` = one column an option (and one a numeric choice), ``ways``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import final

import numpy as np
from jaxtyping import Float

from search_spaces import Architecture, choices
from sweeps.search.candidates import REMEMBERED, Candidates, Genes

Way = tuple[str, ...]

LENGTH = 5
SAMPLED = 1000
RAREST = 3
MOST = 256
TRANSPARENT = frozenset({"identity", "add", "concat", "multiply", "activation", "norm", "flatten"})
"""Operations that a way passes without a mention: they say little about what is computed on it."""


@final
class Features:
    """Features of one space's architectures, the same for every search: nothing here depends on scores.

    ``genes``: one column per option (of a tree that grows, of the choices met in ``SAMPLED`` random
    architectures), 1 where it is taken, and for a numeric choice its rank among the options.
    ``ways``: 1 where the architecture's core has that way (see ``ways``). Of the ways met in ``SAMPLED``
    random architectures the ``MOST`` frequent count, if they are met ``RAREST`` times. Path encodings made
    the difference in White et al. 2021 (BANANAS, https://arxiv.org/abs/1910.11858, section 3); this is theirs
    for graphs of any size. Each block is scaled so that two random architectures are at distance 1.

    Args:
        candidates: the space.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._places: dict[tuple[str, object], int] = {}
        self._ranks: dict[str, tuple[int, dict[object, float]]] = {}
        rng = np.random.default_rng(0)
        sampled = [candidates.sample(rng) for _ in range(SAMPLED)]
        met_choices = {choice.name: choice for choice in choices.all_choices(candidates.tree)}
        for genes in sampled:  # of a tree that grows, only choices that are met have columns
            met_choices |= choices.taken(candidates.tree, dict(genes))
        for choice in met_choices.values():
            for option in choice.options:
                self._places[choice.name, option] = len(self._places)
        width = len(self._places)
        for choice in met_choices.values():
            numbers = [o for o in choice.options if isinstance(o, int | float) and not isinstance(o, bool)]
            if len(numbers) == len(choice.options) > 2:
                order = sorted(numbers)
                self._ranks[choice.name] = width, {option: i / (len(order) - 1) for i, option in enumerate(order)}
                width += 1
        self._width = width
        met = Counter(way for genes in sampled for way in ways(candidates.core(genes)))
        common = sorted((-count, way) for way, count in met.items() if RAREST <= count < SAMPLED)[:MOST]
        self._ways = {way: place for place, (_, way) in enumerate(common)}
        self._scales = np.ones(2)
        self._row = lru_cache(REMEMBERED)(self._raw)
        self._scales = np.array([_spread(block) for block in self.blocks(sampled)])
        self._row.cache_clear()

    def blocks(
        self, many: Sequence[Genes]
    ) -> tuple[Float[np.ndarray, "candidates genes"], Float[np.ndarray, "candidates ways"]]:
        """The features of several genomes."""
        rows = [self._row(genes) for genes in many]
        return (
            np.stack([genes for genes, _ in rows]) / self._scales[0],
            np.stack([found for _, found in rows]) / self._scales[1],
        )

    def _raw(self, genes: Genes) -> tuple[Float[np.ndarray, " genes"], Float[np.ndarray, " ways"]]:
        own = np.zeros(self._width, dtype=np.float32)
        for name, value in genes:
            if (name, value) not in self._places:
                continue
            own[self._places[name, value]] = 1
            if name in self._ranks:
                place, ranks = self._ranks[name]
                own[place] = ranks[value]
        found = np.zeros(len(self._ways), dtype=np.float32)
        for way in ways(self._candidates.core(genes)):
            if way in self._ways:
                found[self._ways[way]] = 1
        return own, found


def ways(architecture: Architecture) -> frozenset[Way]:
    """The label sequences of all ways through a graph: whole ones where they are short, else their parts.

    A way goes along wires from the input to the output, passing joins and activations without a mention. One
    with at most ``LENGTH`` labels, its two ends included, counts whole; a longer one counts as its parts of
    ``LENGTH`` labels. Nodes on no way from input to output do not count; ``zero`` lets nothing through.
    """
    after: dict[str, list[str]] = {node.name: [] for node in architecture.nodes}
    for edge in architecture.edges:
        after[edge.source].append(edge.target)
    first, last = architecture.nodes[0].name, architecture.nodes[-1].name
    labels = {node.name: _label(node.operation, node.choices) for node in architecture.nodes}
    labels |= {first: ("in",), last: ("out",)}
    blocked = {node.name for node in architecture.nodes if node.operation == "zero"}
    # parts[n]: what can follow from n on, n's own label first, cut to LENGTH labels; nothing if n leads nowhere
    parts: dict[str, set[Way]] = {}
    for node in reversed(architecture.nodes):
        name = node.name
        if name == last:
            parts[name] = {labels[name]}
        elif name in blocked:
            parts[name] = set()
        else:
            parts[name] = {(labels[name] + rest)[:LENGTH] for follower in after[name] for rest in parts[follower]}
    found: set[Way] = set()
    reached = {first}
    for node in architecture.nodes:
        name = node.name
        if name not in reached or not parts[name]:
            continue
        reached.update(after[name])
        if not labels[name]:
            continue
        found.update(way for way in parts[name] if len(way) == LENGTH or name == first)
    return frozenset(found)


def _label(operation: str, settings: Iterable[tuple[str, object]]) -> Way:
    if operation in TRANSPARENT:
        return ()
    return (f"{operation}({','.join(str(value) for _, value in settings)})",)


def _spread(block: Float[np.ndarray, "rows columns"]) -> float:
    """Root mean square distance between two random rows; 1 where all are equal."""
    spread = float(np.sqrt(2 * block.var(axis=0).sum())) if block.size else 0.0
    return spread or 1.0
