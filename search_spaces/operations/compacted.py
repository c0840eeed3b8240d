"""Operations that compaction makes: what is left of others when channels are taken out. No space has them."""

from __future__ import annotations

import math

from search_spaces.architecture import Node
from search_spaces.operations.mixing import ATTENTIONS
from search_spaces.operations.operation import Operation, Shape, spatial


def _channels(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (int(node["channels"]), *inputs[0][1:])


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    spatial(node, inputs[0])
    return inputs[0]


def _attention_parameters(node: Node, shape: Shape) -> int:
    inner, channels = int(node["heads"]) * int(node["size"]), int(node["channels"])
    return 3 * inner * (shape[0] + 1) + channels * (inner + 1)


def _attention_flops(node: Node, shape: Shape) -> int:
    size, channels, length = int(node["size"]), int(node["channels"]), math.prod(shape[1:])
    inner = int(node["heads"]) * size
    linears = 2 * inner * (3 * shape[0] + channels) * length
    if node["kind"] == "linear":
        return linears + 4 * length * inner * size + 2 * length * inner
    return linears + 4 * length * length * inner


SELECT = Operation(choices=(("channels", 1),), shape=_channels)
"""Some channels of its input in any order, and zeros; which ones the network says (`GraphNetwork`'s ``chosen``)."""

NARROW_ATTENTION = Operation(
    choices=(("channels", 1), ("heads", 1), ("kind", ATTENTIONS), ("size", 1)),
    shape=_channels,
    parameters=_attention_parameters,
    flops=_attention_flops,
)
"""Attention of ``heads`` heads of ``size`` channels each, from and to any number of channels."""

NARROW_SQUEEZE_EXCITE = Operation(
    choices=(("inner", 1),),
    shape=_same,
    parameters=lambda node, shape: (2 * shape[0] + 1) * int(node["inner"]) + shape[0],
    flops=lambda node, shape: 4 * shape[0] * int(node["inner"]),
)
"""Squeeze-and-excitation with ``inner`` values between."""

COMPACTED = {
    "select": SELECT,
    "narrow_attention": NARROW_ATTENTION,
    "narrow_squeeze_excite": NARROW_SQUEEZE_EXCITE,
}
"""By name."""
