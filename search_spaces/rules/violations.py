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
    readers: dict[str, list[str]] = {name: [] for name in operations}
    for edge in architecture.edges:
        readers[edge.source].append(edge.target)
    ways = list(_ways(architecture.nodes[0].name, readers, architecture, rules))
    return [*_forbidden(architecture, rules, operations, ways), *_wholes(architecture, rules, operations, ways)]


Way = tuple[str, ...]


def _ways(start: str, readers: dict[str, list[str]], architecture: Architecture, rules: Rules) -> Iterator[Way]:
    """A longest way of work, and one with most reductions, from the data to every node; so few ways are enough."""
    longest: dict[str, Way] = {start: (start,)}
    narrowest: dict[str, Way] = {start: (start,)}
    order = {node.name: place for place, node in enumerate(architecture.nodes)}
    for name in sorted(order, key=lambda n: order[n]):
        for reader in readers[name]:
            for found, measure in ((longest, _work), (narrowest, _reductions)):
                if name in found:
                    way = (*found[name], reader)
                    if reader not in found or measure(way, architecture) > measure(found[reader], architecture):
                        found[reader] = way
    yield from longest.values()
    yield from narrowest.values()


def _work(way: Way, architecture: Architecture) -> int:
    """Operations on a way that count for depth."""
    kinds = {node.name: node.operation for node in architecture.nodes}
    own = node_parameters(architecture)
    return sum(kinds[name] in WORK and (kinds[name] != "layer" or own[name] > 0) for name in way)


def _reductions(way: Way, architecture: Architecture) -> int:
    """How often a sequence or image loses positions before the last node of a way works on it."""
    known = shapes(architecture)
    sides = [known[name][1:] for name in way[:-1]]
    return sum(bool(a) and len(a) == len(b) and a != b for a, b in itertools.pairwise(sides))


def _forbidden(architecture: Architecture, rules: Rules, operations: dict[str, str], ways: list[Way]) -> Iterator[str]:
    for rule in rules.forbid:
        for node in (name for name, operation in operations.items() if operation == rule.operation):
            own = [way for way in ways if way[-1] == node]
            at = max(
                _work(way, architecture) if rule.unit == "depth" else 1 + _reductions(way, architecture) for way in own
            )
            if not rule.before or at < rule.before:
                where = f" in {rule.unit} {at}" if rule.before else ""
                yield f"forbid {rule}: node {node!r} is {rule.operation}{where}"


def _wholes(architecture: Architecture, rules: Rules, operations: dict[str, str], ways: list[Way]) -> Iterator[str]:
    for word in rules.contain:
        if word not in operations.values():
            yield f"contain {word}: there is none"
    last = architecture.nodes[-1].name
    if rules.end_in is not None:
        for end in sorted(_ends(architecture, last, rules.end_in, operations)):
            yield f"end_in {rules.end_in}: {end!r} is {operations[end]}"
    depth = max(_work(way, architecture) for way in ways if way[-1] == last)
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
