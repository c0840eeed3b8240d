"""Data, dense layers and what works on values of any shape."""

from __future__ import annotations

import math

from search_spaces.architecture import Node
from search_spaces.operations.operation import (
    ACTIVATIONS,
    NORMS,
    SPATIAL_NORMS,
    Operation,
    Shape,
    flat,
    norm_parameters,
    unfit,
)


def _data(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    sides = {"input": ("width",), "sequence": ("channels", "length"), "image": ("channels", "height", "width")}
    return tuple(int(node[side]) for side in sides[node.operation])


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


def _dense(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    flat(node, inputs[0])
    return (int(node["width"]),)


def _norm(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len(inputs[0]) == 1 and node["kind"] == "group":
        raise unfit(node, "a kind of 'layer' or 'rms'", "'group' on a flat input", "choose 'layer', which is the same")
    return inputs[0]


INPUT = Operation(choices=(("width", 1),), shape=_data, takes="data")
"""The data as they come: so many values."""

SEQUENCE = Operation(choices=(("channels", 1), ("length", 1)), shape=_data, takes="data")
"""The flattened example as a sequence."""

IMAGE = Operation(choices=(("channels", 1), ("height", 1), ("width", 1)), shape=_data, takes="data")
"""The flattened example as an image."""

DENSE = Operation(
    choices=(("activation", ACTIVATIONS), ("norm", NORMS), ("width", 1)),
    shape=_dense,
    parameters=lambda node, shape: (
        int(node["width"]) * (shape[0] + 1) + norm_parameters(node["norm"], int(node["width"]))
    ),
    flops=lambda node, shape: 2 * int(node["width"]) * shape[0],
    skips=True,
)
"""activation(norm(W z + b)), z = the main input plus resized skips."""

GATED_DENSE = Operation(
    choices=(("activation", ACTIVATIONS), ("norm", NORMS), ("width", 1)),
    shape=_dense,
    parameters=lambda node, shape: (
        2 * int(node["width"]) * (shape[0] + 1) + norm_parameters(node["norm"], int(node["width"]))
    ),
    flops=lambda node, shape: 4 * int(node["width"]) * shape[0],
    skips=True,
)
"""norm((W z + b) * activation(V z + c)): gated linear units (Shazeer 2020, arXiv:2002.05202, eq. 5)."""

IDENTITY = Operation(shape=_same, skips=True)
"""Passes its input on; contracted in keys."""

ZERO = Operation(shape=_same)
"""Zeros of its input's shape: what a path that was cut brings."""

FLATTEN = Operation(shape=lambda node, inputs: (math.prod(inputs[0]),))
"""All values in one row."""

ACTIVATION = Operation(choices=(("kind", ACTIVATIONS[:-1]),), shape=_same)
"""One of the activations by itself."""

NORM = Operation(
    choices=(("kind", SPATIAL_NORMS[1:]),),
    shape=_norm,
    parameters=lambda node, shape: norm_parameters(node["kind"], shape[0]),
)
"""One of the norms by itself."""
