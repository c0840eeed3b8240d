"""Nodes where several wires meet."""

from __future__ import annotations

from search_spaces.architecture import Node
from search_spaces.operations.operation import Operation, Shape, unfit


def _equal(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len(set(inputs)) != 1:
        raise unfit(
            node,
            "inputs of one shape",
            " and ".join(map(str, dict.fromkeys(inputs))),
            "bring them to one shape by a 'conv' or 'pool' before",
        )
    return inputs[0]


def _stacked(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len({shape[1:] for shape in inputs}) != 1:
        raise unfit(
            node,
            "inputs that differ in channels only",
            " and ".join(map(str, dict.fromkeys(inputs))),
            "bring them to one length or size by a 'conv' or 'pool' before",
        )
    return (sum(shape[0] for shape in inputs), *inputs[0][1:])


ADD = Operation(shape=_equal, takes="many", closable=True)
"""The sum."""

CONCAT = Operation(shape=_stacked, takes="many", closable=True)
"""Channels after channels, in the order of the edges."""

MULTIPLY = Operation(shape=_equal, takes="many")
"""The product, entry by entry: gating."""
