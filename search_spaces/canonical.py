"""The canonical key of a labelled directed acyclic graph.

Colour refinement (Weisfeiler & Leman 1968) with individualisation of ties (McKay & Piperno 2014): exact, and
fast for the small graphs that architectures are. Independent of node names and of Python's hash seed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence

from search_spaces.errors import WeightloomError

Label = tuple[Hashable, ...]
Links = dict[str, list[tuple[Label, str]]]
Wire = tuple[str, str, Label]
Bundles = dict[str, Counter[tuple[Label, str]]]


IDENTITIES = frozenset({"identity", "add", "concat", "multiply"})
"""Operations that pass a single input on as it is."""
SUMS = frozenset({"add", "multiply"})
"""Operations whose inputs may be grouped and ordered at will: nested ones are one."""
ORDERED = frozenset({"concat"})
"""Operations to which the order of their inputs matters."""
FREE = SUMS | {"activation", "flatten", "global_pool", "pool", "zero"}
"""Operations without parameters: two of them that read the same are one."""
EFFORT = 1_500_000
"""Nodes and wires looked at, again and again, before a graph is given up: five seconds. A chain of 1,000 nodes takes as
much, the largest graph of our spaces a thousandth; a hostile one could take for ever."""
PLAIN: Label = ("main", False)
"""The label of a wire that hands its value on unchanged."""


def canonical_key(nodes: Sequence[tuple[str, Label]], edges: Sequence[tuple[str, str, Label]]) -> str:
    """Sixteen hex digits that are equal exactly for isomorphic graphs, after simplification.

    Simplification removes nodes on no path from input to output and zeros that are added, contracts identities
    and joins of one input, merges sums of sums and products of products, and takes nodes without parameters
    that read the same as one. A layer that is read twice is not the same as two layers.

    Raises:
        WeightloomError: telling its nodes apart takes more than `EFFORT`.

    Args:
        nodes: (name, label) in topological order; the first is the input, the last the output. The first
            element of a label is the operation.
        edges: (source, target, label), those into a ``concat`` in its order. A label is (kind, optional).
    """
    operations = {name: label[0] for name, label in nodes}
    places: dict[str, int] = {}
    numbered: list[Wire] = []
    for source, target, label in edges:
        if operations[target] in ORDERED:
            places[target] = places.get(target, -1) + 1
            label = (*label, places[target])
        numbered.append((source, target, label))
    graph = _Graph(dict(nodes), numbered, nodes[0][0], nodes[-1][0])
    labels, wires = graph.simplified()
    into: Links = {name: [] for name in labels}
    out: Links = {name: [] for name in labels}
    for source, target, label in wires:
        into[target].append((label, source))
        out[source].append((label, target))
    start = {name: _digest(("node", label)) for name, label in labels.items()}
    start[nodes[0][0]] = _digest(("input", start[nodes[0][0]]))
    start[nodes[-1][0]] = _digest(("output", start[nodes[-1][0]]))
    return _smallest(start, into, out, _Effort())[:16]


class _Effort:
    """What is left of `EFFORT`."""

    def __init__(self) -> None:
        self.left = EFFORT

    def spend(self, into: Links) -> None:
        """Look once at each node and from both its ends at each wire."""
        self.left -= len(into) + 2 * sum(map(len, into.values()))
        if self.left < 0:
            raise WeightloomError(
                f"architecture: expected nodes that can be told apart in {EFFORT:,} steps, got a graph too large or "
                "too symmetric; use a smaller one"
            )


class _Graph:
    """A graph that is made simpler node by node, without a change of what it computes.

    Wires are counted, since a sum may come to read a node more than once.
    """

    def __init__(self, labels: dict[str, Label], edges: list[Wire], first: str, last: str) -> None:
        self.labels, self.first, self.last = labels, first, last
        self.into: Bundles = {name: Counter() for name in labels}
        self.out: Bundles = {name: Counter() for name in labels}
        for source, target, label in edges:
            self._wire(source, target, label, 1)

    def simplified(self) -> tuple[dict[str, Label], list[Wire]]:
        """What is left: nodes and wires; several equal wires into a sum are one, with their number."""
        self._drop_dead()
        inner = [name for name in self.labels if name not in (self.first, self.last)]
        for name in inner:
            if self.labels[name][0] == "add":
                self._drop_zeros(name)
            if self.labels[name][0] in IDENTITIES and self.into[name].total() == 1:
                self._contract(name)
        for name in inner:
            if name in self.labels and self.labels[name][0] in SUMS:
                self._merge(name)
        known: dict[Hashable, str] = {}
        for name in inner:
            if name in self.labels and self.labels[name][0] in FREE:
                self._share(name, known)
        self._drop_dead()
        wires: list[Wire] = []
        for name, label in self.labels.items():
            for (wire, source), count in self.into[name].items():
                if label[0] in SUMS and count > 1:
                    wires.append((source, name, (*wire, "times", count)))
                else:
                    wires += [(source, name, wire)] * count
        return self.labels, wires

    def _wire(self, source: str, target: str, label: Label, count: int) -> None:
        """Add wires, or take some away."""
        for links, key in ((self.into[target], (label, source)), (self.out[source], (label, target))):
            links[key] += count
            if not links[key]:
                del links[key]

    def _drop_dead(self) -> None:
        alive = _reach(self.first, self.out) & _reach(self.last, self.into) | {self.first, self.last}
        if len(alive) == len(self.labels):
            return
        for name in [name for name in self.labels if name not in alive]:
            for (label, target), count in list(self.out[name].items()):
                self._wire(name, target, label, -count)
            for (label, source), count in list(self.into[name].items()):
                self._wire(source, name, label, -count)
            del self.labels[name], self.into[name], self.out[name]

    def _drop_zeros(self, name: str) -> None:
        """Zeros add nothing; of a sum of zeros only one is left."""
        zeros = [(label, source) for label, source in self.into[name] if self.labels[source][0] == "zero"]
        for place, (label, source) in enumerate(zeros):
            spared = 1 if place == 0 and len(zeros) == len(self.into[name]) else 0
            self._wire(source, name, label, spared - self.into[name][label, source])

    def _contract(self, name: str) -> None:
        """Let the readers of a node read its only source."""
        ((label, source),) = self.into[name]
        self._wire(source, name, label, -1)
        for (own, target), count in list(self.out[name].items()):
            self._wire(name, target, own, -count)
            self._wire(source, target, own, count)
        del self.labels[name], self.into[name], self.out[name]

    def _merge(self, name: str) -> None:
        """Let each sum that reads a sum through a plain wire read its terms instead."""
        if self.out[name].total() > 1 and any(label != PLAIN for label, _ in self.into[name]):
            return  # a gate that is shared is not the same as two
        for (label, target), count in list(self.out[name].items()):
            if label == PLAIN and self.labels[target][0] == self.labels[name][0]:
                self._wire(name, target, label, -count)
                for (own, source), times in list(self.into[name].items()):
                    self._wire(source, target, own, count * times)
        if not self.out[name]:
            for (own, source), times in list(self.into[name].items()):
                self._wire(source, name, own, -times)
            del self.labels[name], self.into[name], self.out[name]

    def _share(self, name: str, known: dict[Hashable, str]) -> None:
        """Let the readers of a node read an earlier one that is the same."""
        if any(label != PLAIN for label, _ in self.into[name]):
            return
        first = known.setdefault((self.labels[name], frozenset(self.into[name].items())), name)
        if first != name:
            for (own, target), count in list(self.out[name].items()):
                self._wire(name, target, own, -count)
                self._wire(first, target, own, count)


def _reach(start: str, links: Bundles) -> set[str]:
    seen, frontier = {start}, [start]
    while frontier:
        new = {name for _, name in links[frontier.pop()]} - seen
        seen |= new
        frontier.extend(new)
    return seen


def _refine(colours: dict[str, str], into: Links, out: Links, effort: _Effort) -> dict[str, str]:
    """Recolour each node by its own and its neighbours' colours until no class splits any more."""
    while True:
        effort.spend(into)
        fresh = {
            name: _digest(
                (
                    colour,
                    sorted(_digest((label, colours[other])) for label, other in into[name]),
                    sorted(_digest((label, colours[other])) for label, other in out[name]),
                )
            )
            for name, colour in colours.items()
        }
        if len(set(fresh.values())) == len(set(colours.values())):
            return fresh
        colours = fresh


def _smallest(colours: dict[str, str], into: Links, out: Links, effort: _Effort) -> str:
    """The smallest certificate over all ways to break ties that no symmetry maps onto each other."""
    colours = _refine(colours, into, out, effort)
    ways = _ways(colours)
    if not ways:
        return _certificate(colours, into)
    # two ways with a leaf in common are images of each other: one of them is enough
    differing = {_any_leaf(way, into, out, effort): way for way in ways}
    return min(_smallest(way, into, out, effort) for way in differing.values())


def _any_leaf(colours: dict[str, str], into: Links, out: Links, effort: _Effort) -> str:
    """The certificate of one way to break all ties."""
    while True:
        colours = _refine(colours, into, out, effort)
        ways = _ways(colours)
        if not ways:
            return _certificate(colours, into)
        colours = ways[0]


def _ways(colours: dict[str, str]) -> list[dict[str, str]]:
    """Colourings with one node singled out from the smallest class of several; none if all nodes differ."""
    classes: dict[str, list[str]] = {}
    for name, colour in colours.items():
        classes.setdefault(colour, []).append(name)
    ties = [(len(names), colour) for colour, names in classes.items() if len(names) > 1]
    if not ties:
        return []
    _, colour = min(ties)
    return [{**colours, name: _digest(("chosen", colour))} for name in classes[colour]]


def _certificate(colours: dict[str, str], into: Links) -> str:
    order = {name: i for i, name in enumerate(sorted(colours, key=lambda n: colours[n]))}
    links = sorted((order[source], order[name], _digest(label)) for name in order for label, source in into[name])
    return _digest((sorted(colours.values()), links))


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
