"""Which rules an architecture breaks: written apart from the enforcement, on whole graphs and by their definitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from search_spaces.architecture import Architecture
from search_spaces.operations import flops, node_parameters, parameters, shapes
from search_spaces.rules.rules import LOOKED_THROUGH, WORK, Rules


def violations(architecture: Architecture, rules: Rules) -> list[str]:
    """Every rule that the architecture breaks, in a sentence each; empty if it keeps all."""
    operations = {node.name: node.operation for node in architecture.nodes}
    ways = _Ways(architecture, operations)
    return [*_forbidden(rules, operations, ways), *_wholes(architecture, rules, operations, ways)]


Way = tuple[str, ...]


class _Ways:
    """A longest way of work, and one with most reductions, from the data to every node; so few ways are enough."""

    def __init__(self, architecture: Architecture, operations: dict[str, str]) -> None:
        own = node_parameters(architecture)
        self.working = {n for n, kind in operations.items() if kind in WORK and (kind != "layer" or own[n] > 0)}
        self.shapes = shapes(architecture)
        start = architecture.nodes[0].name
        longest: dict[str, Way] = {start: (start,)}
        narrowest: dict[str, Way] = {start: (start,)}
        readers: dict[str, list[str]] = {name: [] for name in operations}
        for edge in architecture.edges:
            readers[edge.source].append(edge.target)
        for name in operations:  # nodes are in topological order
            for reader in readers[name]:
                for found, measure in ((longest, self.work), (narrowest, self.reductions)):
                    if name in found:
                        way = (*found[name], reader)
                        if reader not in found or measure(way) > measure(found[reader]):
                            found[reader] = way
        self.all = [*longest.values(), *narrowest.values()]

    def to(self, name: str) -> list[Way]:
        """Those that end in a node."""
        return [way for way in self.all if way[-1] == name]

    def work(self, way: Way) -> int:
        """Operations on a way that count for depth."""
        return sum(name in self.working for name in way)

    def reductions(self, way: Way) -> int:
        """How often a sequence or image loses positions before the last node of a way works on it."""
        sides = [self.shapes[name][1:] for name in way[:-1]]
        return sum(bool(a) and len(a) == len(b) and a != b for a, b in itertools.pairwise(sides))


def _forbidden(rules: Rules, operations: dict[str, str], ways: _Ways) -> Iterator[str]:
    for rule in rules.forbid:
        for node in (name for name, operation in operations.items() if operation == rule.operation):
            at = max(ways.work(way) if rule.unit == "depth" else 1 + ways.reductions(way) for way in ways.to(node))
            if not rule.before or at < rule.before:
                where = f" in {rule.unit} {at}" if rule.before else ""
                yield f"forbid {rule}: node {node!r} is {rule.operation}{where}"


def _wholes(architecture: Architecture, rules: Rules, operations: dict[str, str], ways: _Ways) -> Iterator[str]:
    for word in rules.contain:
        if word not in operations.values():
            yield f"contain {word}: there is none"
    last = architecture.nodes[-1].name
    if rules.end_in is not None:
        for end in sorted(_ends(architecture, last, rules.end_in, operations)):
            yield f"end_in {rules.end_in}: {end!r} is {operations[end]}"
    depth = max(ways.work(way) for way in ways.to(last))
    if rules.min_depth is not None and depth < rules.min_depth:
        yield f"min_depth {rules.min_depth}: it is {depth}"
    for what, most, got in (
        ("max_depth", rules.max_depth, depth),
        ("max_parameters", rules.max_parameters, parameters(architecture)),
        ("max_flops", rules.max_flops, flops(architecture)),
    ):
        if most is not None and got > most:
            yield f"{what} {most}: it is {got}"


def _ends(architecture: Architecture, reader: str, wanted: str, operations: dict[str, str]) -> set[str]:
    """Of what a node reads, directly or through what is looked through, whatever is not ``wanted``."""
    wrong: set[str] = set()
    for edge in architecture.edges_into(reader):
        kind = operations[edge.source]
        if kind == wanted:
            continue
        behind = architecture.edges_into(edge.source)
        wrong |= (
            _ends(architecture, edge.source, wanted, operations) if kind in LOOKED_THROUGH and behind else {edge.source}
        )
    return wrong
