"""Operations that mix positions: attention, recurrence, and the positions themselves."""

from __future__ import annotations

import math

from search_spaces.architecture import Node
from search_spaces.operations.operation import Operation, Shape, spatial, unfit

REACH = 4
"""Local attention sees so many positions to either side."""
ATTENTIONS = ("full", "causal", "local", "linear")


def _attention(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    spatial(node, inputs[0])
    channels, heads = inputs[0][0], int(node["heads"])
    if channels % heads:
        raise unfit(
            node,
            f"heads that divide its {channels} channels",
            heads,
            f"allowed are {[h for h in range(1, min(channels, 64) + 1) if channels % h == 0]}",
        )
    return inputs[0]


def _attention_flops(node: Node, shape: Shape) -> int:
    channels, length = shape[0], math.prod(shape[1:])
    linears = 8 * channels * channels * length
    if node["kind"] == "linear":
        return linears + 4 * length * channels * (channels // int(node["heads"])) + 2 * length * channels
    return linears + 4 * length * length * channels


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    spatial(node, inputs[0])
    return inputs[0]


def _recurrent(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    if len(inputs[0]) != 2:
        raise unfit(node, "a sequence", f"shape {inputs[0]}", "a recurrent node reads (channels, length) only")
    return (int(node["width"]), inputs[0][1])


ATTENTION = Operation(
    choices=(("heads", 1), ("kind", ATTENTIONS)),
    shape=_attention,
    parameters=lambda node, shape: 4 * shape[0] * (shape[0] + 1),
    flops=_attention_flops,
)
"""Self-attention of several heads over all positions (Vaswani et al. 2017, eq. 1 and section 3.2.2), without norm
or residual. ``causal`` sees earlier positions only, ``local`` those at most ``REACH`` away, both as masks of the
full product; ``linear`` has no softmax but elu + 1 features (Katharopoulos et al. 2020, eqs. 5 and 7)."""

POSITION = Operation(shape=_same, parameters=lambda node, shape: math.prod(shape))
"""Adds a learned vector to each position."""

RECURRENT = Operation(
    choices=(("width", 1),),
    shape=_recurrent,
    parameters=lambda node, shape: 3 * int(node["width"]) * (shape[0] + int(node["width"]) + 2),
    flops=lambda node, shape: 6 * shape[1] * int(node["width"]) * (shape[0] + int(node["width"])),
)
"""Gated recurrent unit over the sequence (Cho et al. 2014, arXiv:1406.1078, eqs. 5 to 8; reset after the product,
as in torch.nn.GRU); its output at every position."""
