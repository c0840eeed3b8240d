"""The operations a node may have: which choices each takes and how wide its output is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from search_spaces.architecture import Architecture, Node
from search_spaces.errors import UnknownName, WeightloomError

ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "none")
NORMS = ("none", "layer")
LARGEST = 2**20
"""No node is wider: a slip of the keyboard or a hostile file must not ask for terabytes."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What may be said about a node: its choices and, for each, the allowed values (or a lower bound)."""

    choices: tuple[tuple[str, tuple[str, ...] | int], ...]


OPERATIONS: dict[str, Operation] = {
    # the data: so many values
    "input": Operation(choices=(("width", 1),)),
    # resized inputs added up, then linear, norm, activation
    "dense": Operation(choices=(("activation", ACTIVATIONS), ("norm", NORMS), ("width", 1))),
    # passes its one input on; contracted in keys
    "identity": Operation(choices=()),
}


def check(architecture: Architecture) -> None:
    """Check every node's operation, choices and wires.

    Raises:
        WeightloomError: naming the node, what it has and what would be allowed.
    """
    if not architecture.nodes or architecture.nodes[0].operation != "input":
        raise WeightloomError("architecture: the first node must be an 'input'")
    if "width" not in dict(architecture.nodes[-1].choices) or len(architecture.nodes) < 2:
        raise WeightloomError(
            f"architecture: the last of two or more nodes must have a width, got {architecture.nodes[-1]}"
        )
    pairs = [(edge.source, edge.target) for edge in architecture.edges]
    if len(set(pairs)) != len(pairs):
        twice = next(pair for i, pair in enumerate(pairs) if pair in pairs[:i])
        raise WeightloomError(f"architecture: expected one edge between two nodes, got two {' -> '.join(twice)}")
    for position, node in enumerate(architecture.nodes):
        if not NAME.fullmatch(node.name):
            raise WeightloomError(
                f"node {node.name!r}: its name must be a letter followed by letters, digits and underscores"
            )
        if node.operation not in OPERATIONS:
            raise UnknownName(f"operation of node {node.name!r}", node.operation, OPERATIONS)
        if node.operation == "input" and position:
            raise WeightloomError(f"node {node.name!r}: only the first node may be an 'input'")
        expected = dict(OPERATIONS[node.operation].choices)
        got = dict(node.choices)
        if set(expected) != set(got):
            raise WeightloomError(
                f"node {node.name!r} ({node.operation}): expected choices {sorted(expected)}, got {sorted(got)}"
            )
        for name, allowed in expected.items():
            value = got[name]
            good = (
                isinstance(value, int) and not isinstance(value, bool) and allowed <= value <= LARGEST
                if isinstance(allowed, int)
                else value in allowed
            )
            if not good:
                wanted = f"an integer from {allowed} to {LARGEST}" if isinstance(allowed, int) else f"one of {allowed}"
                raise WeightloomError(f"node {node.name!r}: {name} must be {wanted}, got {value!r}")
        mains = [edge for edge in architecture.edges_into(node.name) if edge.kind == "main"]
        if len(mains) != (0 if position == 0 else 1):
            raise WeightloomError(
                f"node {node.name!r}: expected {'no' if position == 0 else 'one'} main edge into it, got {len(mains)}"
            )
        if any(edge.optional for edge in mains):
            raise WeightloomError(f"node {node.name!r}: its main edge must not be optional; make it a skip")


def width_of(architecture: Architecture, name: str) -> int:
    """Number of values that the node called ``name`` puts out for one example."""
    node: Node = next(n for n in architecture.nodes if n.name == name)
    if node.operation == "identity":
        return width_of(architecture, main_source(architecture, name))
    return int(node["width"])


def main_source(architecture: Architecture, name: str) -> str:
    """The node whose output decides the input width of the node called ``name``."""
    return architecture.edges_into(name)[0].source
