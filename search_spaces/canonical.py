"""The canonical key of a labelled directed acyclic graph.

Colour refinement (Weisfeiler & Leman 1968) with individualisation of ties (McKay & Piperno 2014): exact, and
fast for the small graphs that architectures are. Independent of node names and of Python's hash seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

Label = tuple[Hashable, ...]
Links = dict[str, list[tuple[Label, str]]]


def canonical_key(nodes: Sequence[tuple[str, Label]], edges: Sequence[tuple[str, str, Label]]) -> str:
    """Sixteen hex digits that are equal exactly for isomorphic graphs, after simplification.

    Args:
        nodes: (name, label) in topological order; the first is the input, the last the output. The first
            element of a label is the operation; the operation ``identity`` is contracted.
        edges: (source, target, label).
    """
    labels, edges = _simplify(dict(nodes), list(edges), nodes[0][0], nodes[-1][0])
    into: Links = {name: [] for name in labels}
    out: Links = {name: [] for name in labels}
    for source, target, label in edges:
        into[target].append((label, source))
        out[source].append((label, target))
    start = {name: _digest(("node", label)) for name, label in labels.items()}
    start[nodes[0][0]] = _digest(("input", start[nodes[0][0]]))
    start[nodes[-1][0]] = _digest(("output", start[nodes[-1][0]]))
    return _smallest(start, into, out)[:16]


def _simplify(
    labels: dict[str, Label], edges: list[tuple[str, str, Label]], source: str, sink: str
) -> tuple[dict[str, Label], list[tuple[str, str, Label]]]:
    """Remove nodes on no path from ``source`` to ``sink``; contract identities that have one input."""
    alive = _reach(source, [(a, b) for a, b, _ in edges]) & _reach(sink, [(b, a) for a, b, _ in edges])
    alive |= {source, sink}
    edges = [edge for edge in edges if edge[0] in alive and edge[1] in alive]
    labels = {name: label for name, label in labels.items() if name in alive}
    for name in [n for n, label in labels.items() if label[0] == "identity" and n not in (source, sink)]:
        into = [edge for edge in edges if edge[1] == name]
        if len(into) != 1:
            continue
        edges = [(into[0][0], b, label) if a == name else (a, b, label) for a, b, label in edges if b != name]
        del labels[name]
    return labels, edges


def _reach(start: str, links: list[tuple[str, str]]) -> set[str]:
    after: dict[str, set[str]] = {}
    for a, b in links:
        after.setdefault(a, set()).add(b)
    seen, frontier = {start}, [start]
    while frontier:
        new = after.get(frontier.pop(), set()) - seen
        seen |= new
        frontier.extend(new)
    return seen


def _refine(colours: dict[str, str], into: Links, out: Links) -> dict[str, str]:
    """Recolour each node by its own and its neighbours' colours until no class splits any more."""
    while True:
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


def _smallest(colours: dict[str, str], into: Links, out: Links) -> str:
    """The smallest certificate over all ways to break ties that no symmetry maps onto each other."""
    colours = _refine(colours, into, out)
    ways = _ways(colours)
    if not ways:
        return _certificate(colours, into)
    # two ways with a leaf in common are images of each other: one of them is enough
    differing = {_any_leaf(way, into, out): way for way in ways}
    return min(_smallest(way, into, out) for way in differing.values())


def _any_leaf(colours: dict[str, str], into: Links, out: Links) -> str:
    """The certificate of one way to break all ties."""
    while True:
        colours = _refine(colours, into, out)
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
