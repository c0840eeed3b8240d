"""What the nodes of a user's own module stand for. Nothing here is built from a node: the user's code is.

Such nodes describe themselves: shapes, parameters and operations are read off the module once (`search_spaces.tracing`)
and written into their choices.
"""

from __future__ import annotations

import math
from itertools import groupby

from search_spaces.architecture import Architecture, Node
from search_spaces.errors import WeightloomError
from search_spaces.operations.operation import LARGEST, Operation, Shape, unfit

GIVES = "gives"
"""Choices ``gives.0``, ``gives.1`` ... are the sides of what a layer puts out for one example."""
NUMBER = "number"
"""Stands for the sides of a parameter without an axis."""


def tensors(node: Node) -> dict[str, Shape]:
    """The shape of each parameter that a layer's choices tell of, by its name within the layer."""
    sided = [(name, value) for name, value in node.choices if "." in name or value == NUMBER]
    known = {
        own: tuple(int(side) for name, side in sorted(sides, key=_axis) if "." in name)
        for own, sides in groupby(sorted(sided), key=lambda pair: pair[0].rpartition(".")[0] or pair[0])
    }
    return {own: shape for own, shape in known.items() if own != GIVES}


def is_foreign(architecture: Architecture) -> bool:
    """Whether the architecture is of a user's own module, so that only its space can build it."""
    return any(node.operation in FOREIGN for node in architecture.nodes)


def _axis(side: tuple[str, object]) -> int:
    axis = side[0].rpartition(".")[2]
    return int(axis) if axis.isdigit() else -1


def _gives(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    sides = [pair for pair in node.choices if pair[0].rpartition(".")[0] == GIVES]
    return tuple(int(value) for _, value in sorted(sides, key=_axis))


def _check_layer(node: Node) -> None:
    values = dict(node.choices)
    kind, cost = values.pop("kind", None), values.pop("flops", None)
    if not isinstance(kind, str) or not _counts(cost, 2**62):
        raise WeightloomError(
            f"node {node.name!r} (layer): expected a word 'kind' and a number 'flops', got {kind!r} and {cost!r}"
        )
    for name, value in values.items():
        named, _, axis = name.rpartition(".")
        if not (axis.isdigit() and named and _counts(value, LARGEST)) and value != NUMBER:
            raise WeightloomError(
                f"node {node.name!r} (layer): expected sides of shapes such as 'weight.0' from 0 to {LARGEST}, "
                f"got {name!r} = {value!r}"
            )


def _counts(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _check_result(node: Node) -> None:
    values = dict(node.choices)
    counted = _counts(values.get("width"), LARGEST) and _counts(values.get("flops"), 2**62)
    if not counted or not isinstance(values.get("module"), str):
        raise WeightloomError(
            f"node {node.name!r} (result): expected numbers 'width' and 'flops' and a word 'module', got {values}"
        )


def _either(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len(inputs) < 2:
        raise unfit(node, "two or more inputs", len(inputs), "let it read a layer and what may come in its place")
    return inputs[-1]


LAYER = Operation(
    shape=_gives,
    parameters=lambda node, shape: sum(math.prod(sides) for sides in tensors(node).values()),
    flops=lambda node, shape: int(node["flops"]),
    takes="many",
    check=_check_layer,
)
"""A layer of any kind: ``kind`` is its class, ``gives.0`` ... its output, ``weight.0`` ... its parameters."""

EITHER = Operation(shape=_either, takes="many", closable=True)
"""What the optional wire brings where it is open, else what the others bring: a layer that may be skipped."""

RESULT = Operation(
    shape=lambda node, inputs: (int(node["width"]),),
    flops=lambda node, shape: int(node["flops"]),
    takes="many",
    check=_check_result,
)
"""What the module returns. Its choices name the space and all genes, since nobody can see what code makes of them;
``flops`` are those outside of layers."""

FOREIGN = {"layer": LAYER, "either": EITHER, "result": RESULT}
"""By name."""
