"""Checks of a whole graph, and its shapes, parameters and operations, without torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from search_spaces.architecture import Architecture, Edge, Node
from search_spaces.errors import WeightloomError
from search_spaces.operations.foreign import FOREIGN
from search_spaces.operations.operation import LARGEST, Shape
from search_spaces.operations.table import DATA, operation_of

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PATH = re.compile(r"[A-Za-z0-9_.]+")


def check(architecture: Architecture) -> None:
    """Check every node's operation, choices, wires and shape.

    Raises:
        WeightloomError: naming the node, what it has and what would be allowed.
    """
    shapes(architecture)


@lru_cache(maxsize=65536)
def shapes(architecture: Architecture) -> Mapping[str, Shape]:
    """Output shape of every node for one example; checks the architecture like ``check``."""
    _check_ends(architecture)
    into: dict[str, list[Edge]] = {node.name: [] for node in architecture.nodes}
    for edge in architecture.edges:
        into[edge.target].append(edge)
    found: dict[str, Shape] = {}
    for position, node in enumerate(architecture.nodes):
        _check_node(node)
        if node.operation in DATA and position:
            raise WeightloomError(f"node {node.name!r}: only the first node may be an {node.operation!r}")
        mains = [edge for edge in into[node.name] if edge.kind == "main"]
        _check_wires(node, mains)
        found[node.name] = operation_of(node).shape(node, tuple(found[edge.source] for edge in mains))
        skips = [edge.source for edge in into[node.name] if edge.kind == "skip"]
        _check_skips(node, skips, [found[name] for name in (mains[0].source, *skips)] if skips else [])
    last = architecture.nodes[-1]
    if len(found[last.name]) != 1:
        raise WeightloomError(
            f"node {last.name!r}: the last node must be flat, one value a class, got shape {found[last.name]}"
        )
    return MappingProxyType(found)


@lru_cache(maxsize=65536)
def node_parameters(architecture: Architecture) -> Mapping[str, int]:
    """Number of scalar parameters of every node."""
    return MappingProxyType(_counted(architecture, "parameters"))


@lru_cache(maxsize=65536)
def node_flops(architecture: Architecture) -> Mapping[str, int]:
    """Floating-point operations of every node for one example, see ``flops``."""
    return MappingProxyType(_counted(architecture, "flops"))


def parameters(architecture: Architecture) -> int:
    """Number of scalar parameters; equal to the built module's."""
    return sum(node_parameters(architecture).values())


def flops(architecture: Architecture) -> int:
    """Floating-point operations for one example with all wires open: 2 x multiply-adds.

    Matrix products and convolutions are counted as they are run (padding and masked attention included);
    biases, norms, activations, pools and joins are not, as is usual (He et al. 2016).
    """
    return sum(node_flops(architecture).values())


def memory(architecture: Architecture) -> int:
    """Bytes in float32 of the parameters and of all nodes' values for one example."""
    values = sum(math.prod(shape) for shape in shapes(architecture).values())
    return 4 * (parameters(architecture) + values)


def maskable(architecture: Architecture) -> tuple[tuple[str, int], ...]:
    """(node, neurons) for each hidden node whose neurons, or channels, may be closed.

    Dense and gated dense nodes and convolutions; a closed one puts out zero and no norm of its node counts it.
    """
    sides = {"dense": "width", "gated_dense": "width", "conv": "channels"}
    return tuple(
        (node.name, int(node[sides[node.operation]])) for node in architecture.nodes[1:-1] if node.operation in sides
    )


def width_of(architecture: Architecture, name: str) -> int:
    """Number of values that the node called ``name`` puts out for one example; it must be flat."""
    (width,) = shapes(architecture)[name]
    return width


def main_source(architecture: Architecture, name: str) -> str:
    """The node whose output decides the input width of the node called ``name``."""
    return architecture.edges_into(name)[0].source


def _counted(architecture: Architecture, what: str) -> dict[str, int]:
    known = shapes(architecture)
    first = {edge.target: edge.source for edge in reversed(architecture.edges) if edge.kind == "main"}
    return {
        node.name: getattr(operation_of(node), what)(node, known[first[node.name]]) for node in architecture.nodes[1:]
    }


def _check_ends(architecture: Architecture) -> None:
    if not architecture.nodes or architecture.nodes[0].operation not in DATA:
        raise WeightloomError("architecture: the first node must be an 'input', a 'sequence' or an 'image'")
    if "width" not in dict(architecture.nodes[-1].choices) or len(architecture.nodes) < 2:
        raise WeightloomError(
            f"architecture: the last of two or more nodes must have a width, got {architecture.nodes[-1]}"
        )
    pairs = [(edge.source, edge.target) for edge in architecture.edges]
    if len(set(pairs)) != len(pairs):
        twice = next(pair for i, pair in enumerate(pairs) if pair in pairs[:i])
        raise WeightloomError(
            f"architecture: expected one edge between two nodes, got two {' -> '.join(twice)}; "
            "put an 'identity' into one of them"
        )


@lru_cache(maxsize=65536)
def _check_node(node: Node) -> None:
    operation = operation_of(node)
    if not (PATH if node.operation in FOREIGN else NAME).fullmatch(node.name):
        raise WeightloomError(
            f"node {node.name!r}: its name must be a letter followed by letters, digits and underscores"
        )
    if operation.check is not None:
        operation.check(node)
        return
    expected = dict(operation.choices)
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


def _check_wires(node: Node, mains: list[Edge]) -> None:
    operation = operation_of(node)
    least = {"data": "no", "one": "one", "many": "one or more"}[operation.takes]
    if not {"data": len(mains) == 0, "one": len(mains) == 1, "many": len(mains) >= 1}[operation.takes]:
        raise WeightloomError(f"node {node.name!r}: expected {least} main edge into it, got {len(mains)}")
    if any(edge.optional for edge in mains) and not operation.closable:
        raise WeightloomError(
            f"node {node.name!r}: its main edge must not be optional; make it a skip, or let it enter an 'add'"
        )
    if mains and all(edge.optional for edge in mains):
        raise WeightloomError(
            f"node {node.name!r} ({node.operation}): expected a main edge that is not optional, got {len(mains)} "
            "optional ones only; make one of them fixed"
        )


def _check_skips(node: Node, skips: list[str], sides: list[Shape]) -> None:
    if not skips:
        return
    if not operation_of(node).skips or any(len(shape) != 1 for shape in sides):
        raise WeightloomError(
            f"node {node.name!r} ({node.operation}): expected no skip edge into it, got one from {skips[0]!r}; "
            "skips join flat values before dense nodes, others meet in an 'add'"
        )
