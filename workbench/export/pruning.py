"""Networks of any operations without their closed wires and what only those kept alive."""

from __future__ import annotations

from functools import lru_cache

from search_spaces import Architecture, Edge, Node
from search_spaces.module import space_of
from search_spaces.operations import is_foreign

Wire = tuple[str, str]


@lru_cache(maxsize=16384)
def pruned(architecture: Architecture, closed: frozenset[Wire]) -> Architecture:
    """The graph without closed wires and without nodes on no path from input to output.

    It computes the same with the same weights. A closed wire into a ``concat`` becomes zeros, so that the
    channels beside stay where they are. Its space is ``compacted`` and it has no genome; the wires that are
    left are no longer optional. Of a user's own module it is the one in which those layers are skipped.

    Args:
        architecture: of any space.
        closed: (source, target) of optional wires.
    """
    if is_foreign(architecture):
        return space_of(architecture).without(architecture, closed)
    operations = {node.name: node.operation for node in architecture.nodes}
    nodes: list[Node] = []
    edges: list[Edge] = []
    for node in architecture.nodes:
        for edge in architecture.edges:
            if edge.target != node.name:
                continue
            kept = Edge(source=edge.source, target=edge.target, kind=edge.kind)
            if (edge.source, edge.target) not in closed:
                edges.append(kept)
            elif operations[node.name] == "concat":
                zero = _free(f"{edge.source}_to_{node.name}", {*operations, *(n.name for n in nodes)})
                nodes.append(Node(name=zero, operation="zero"))
                edges += [Edge(source=edge.source, target=zero), Edge(source=zero, target=node.name)]
        nodes.append(node)
    alive = _alive(nodes, edges)
    return Architecture(
        space="compacted",
        nodes=tuple(node for node in nodes if node.name in alive),
        edges=tuple(edge for edge in edges if edge.target in alive),
    )


def _alive(nodes: list[Node], edges: list[Edge]) -> set[str]:
    """Nodes that the last one depends on, and the first."""
    alive = {nodes[0].name, nodes[-1].name}
    for edge in reversed(edges):  # sorted by target
        if edge.target in alive:
            alive.add(edge.source)
    return alive


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
