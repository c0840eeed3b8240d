"""Convolutions, pools and what else works on sequences and images alike; the input's rank decides.

All windows are padded with zeros to the "same" extent, split evenly with the odd one first: n positions become
ceil(n / stride). So a stride equal to the kernel cuts patches wherever it divides the input, and windows of an odd
kernel with stride 1 or 2 lie where those of torch's ``padding=kernel // 2`` do.
"""

from __future__ import annotations

import math

from search_spaces.architecture import Node
from search_spaces.operations.operation import (
    ACTIVATIONS,
    SPATIAL_NORMS,
    Operation,
    Shape,
    norm_parameters,
    spatial,
    unfit,
)


def padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of ``length`` positions."""
    total = max(0, (-(-length // stride) - 1) * stride + kernel - length)
    return total - total // 2, total // 2


def _windows(node: Node, shape: Shape) -> Shape:
    """Positions after the node's windows have gone over the input."""
    positions = spatial(node, shape)
    kernel, stride = int(node["kernel"]), int(node["stride"])
    if kernel > 2 * min(positions) - 1:
        raise unfit(
            node,
            f"a kernel of at most {2 * min(positions) - 1} for an input of shape {shape}",
            kernel,
            "choose a smaller kernel or reduce the input less before it",
        )
    return tuple(-(-side // stride) for side in positions)


def _conv(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    positions, groups = _windows(node, inputs[0]), int(node["groups"])
    for what, channels in (("input", inputs[0][0]), ("output", int(node["channels"]))):
        if channels % groups:
            raise unfit(
                node,
                f"groups that divide its {channels} {what} channels",
                groups,
                f"allowed are {[g for g in range(1, min(channels, 64) + 1) if channels % g == 0]}",
            )
    return (int(node["channels"]), *positions)


def _conv_weights(node: Node, shape: Shape) -> int:
    return int(node["channels"]) * (shape[0] // int(node["groups"])) * int(node["kernel"]) ** (len(shape) - 1)


def _squeezed(node: Node, channels: int) -> int:
    return max(1, channels // int(node["ratio"]))


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    spatial(node, inputs[0])
    return inputs[0]


def _channels(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    spatial(node, inputs[0])
    return inputs[0][:1]


CONV = Operation(
    choices=(
        ("activation", ACTIVATIONS),
        ("channels", 1),
        ("groups", 1),
        ("kernel", 1),
        ("norm", SPATIAL_NORMS),
        ("stride", 1),
    ),
    shape=_conv,
    parameters=lambda node, shape: (
        _conv_weights(node, shape) + int(node["channels"]) + norm_parameters(node["norm"], int(node["channels"]))
    ),
    flops=lambda node, shape: 2 * _conv_weights(node, shape) * math.prod(_windows(node, shape)),
)
"""activation(norm(convolution)); a kernel of 1 is a linear layer at each position."""

POOL = Operation(
    choices=(("kernel", 1), ("kind", ("max", "avg")), ("stride", 1)),
    shape=lambda node, inputs: (inputs[0][0], *_windows(node, inputs[0])),
)
"""The greatest or the mean of each window; padding does not count."""

GLOBAL_POOL = Operation(choices=(("kind", ("avg", "max")),), shape=_channels)
"""One number a channel, flat."""

SQUEEZE_EXCITE = Operation(
    choices=(("ratio", 1),),
    shape=_same,
    parameters=lambda node, shape: 2 * shape[0] * _squeezed(node, shape[0]) + shape[0] + _squeezed(node, shape[0]),
    flops=lambda node, shape: 4 * shape[0] * _squeezed(node, shape[0]),
)
"""Channels times sigmoid(expand(relu(reduce(their means)))) (Hu et al. 2018, arXiv:1709.01507, eqs. 2 to 4)."""
