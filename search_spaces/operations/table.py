"""All operations by name."""

from __future__ import annotations

from search_spaces.architecture import Node
from search_spaces.errors import UnknownName
from search_spaces.operations import joins, mixing, plain, spatial
from search_spaces.operations.compacted import COMPACTED
from search_spaces.operations.foreign import FOREIGN
from search_spaces.operations.operation import Operation

OPERATIONS: dict[str, Operation] = {
    "input": plain.INPUT,
    "sequence": plain.SEQUENCE,
    "image": plain.IMAGE,
    "dense": plain.DENSE,
    "gated_dense": plain.GATED_DENSE,
    "conv": spatial.CONV,
    "pool": spatial.POOL,
    "global_pool": spatial.GLOBAL_POOL,
    "squeeze_excite": spatial.SQUEEZE_EXCITE,
    "flatten": plain.FLATTEN,
    "norm": plain.NORM,
    "activation": plain.ACTIVATION,
    "attention": mixing.ATTENTION,
    "position": mixing.POSITION,
    "recurrent": mixing.RECURRENT,
    "add": joins.ADD,
    "concat": joins.CONCAT,
    "multiply": joins.MULTIPLY,
    "identity": plain.IDENTITY,
    "zero": plain.ZERO,
}
DATA = tuple(name for name, operation in OPERATIONS.items() if operation.takes == "data")
"""What the first node may be."""


def operation_of(node: Node) -> Operation:
    """The record of a node's operation, ours, a compacted network's or a user's; ``UnknownName`` lists ours."""
    known = OPERATIONS.get(node.operation) or COMPACTED.get(node.operation) or FOREIGN.get(node.operation)
    if known is None:
        raise UnknownName(f"operation of node {node.name!r}", node.operation, OPERATIONS)
    return known
