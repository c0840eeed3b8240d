"""What is known about a kind of node without building it: choices, output shape, parameters, operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from search_spaces.architecture import Node
from search_spaces.errors import WeightloomError

Shape = tuple[int, ...]
"""Of one example, channels first: (width,) flat, (channels, length) sequence, (channels, height, width) image."""

ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "sigmoid", "elu", "none")
NORMS = ("none", "layer", "rms")
"""Of flat values. No batch norm: its running statistics are no weights that a generator could emit."""
SPATIAL_NORMS = ("none", "group", "layer", "rms")
"""Of sequences and images: ``group`` is one mean and variance over channels and positions (group norm with one
group, Wu & He 2018, arXiv:1803.08494), ``layer`` and ``rms`` are over the channels of each position."""
LARGEST = 2**20
"""No choice is larger: a slip of the keyboard or a hostile file must not ask for terabytes."""


def nothing(node: Node, shape: Shape) -> int:
    """No parameters, or no operations that are counted."""
    return 0


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of node.

    Attributes:
        choices: each choice with its allowed words, or the least value of a number.
        shape: output shape from the node and the shapes of its main inputs; raises ``WeightloomError``.
        parameters: number of scalar parameters from the node and its (first) input shape.
        flops: floating-point operations for one example: 2 x multiply-adds of matrix products and
            convolutions as they are run; biases, norms, activations and joins are not counted.
        takes: ``data`` for the first node, ``one`` main wire, or ``many``.
        skips: whether skip wires may enter: flat values cut or padded to the width of the main one and added.
        closable: whether main wires into it may be optional (closed ones bring zeros).
        check: raises ``WeightloomError`` for choices that are not allowed; in place of ``choices``, for nodes
            that describe themselves.
    """

    choices: tuple[tuple[str, tuple[str, ...] | int], ...] = ()
    shape: Callable[[Node, tuple[Shape, ...]], Shape]
    parameters: Callable[[Node, Shape], int] = nothing
    flops: Callable[[Node, Shape], int] = nothing
    takes: Literal["data", "one", "many"] = "one"
    skips: bool = False
    closable: bool = False
    check: Callable[[Node], None] | None = None


def unfit(node: Node, expected: str, got: object, remedy: str) -> WeightloomError:
    """The error for a node that its input does not suit."""
    return WeightloomError(f"node {node.name!r} ({node.operation}): expected {expected}, got {got}; {remedy}")


def flat(node: Node, shape: Shape) -> int:
    """The width of a flat input."""
    if len(shape) != 1:
        raise unfit(node, "a flat input", f"shape {shape}", "put a 'flatten' or 'global_pool' before it")
    return shape[0]


def spatial(node: Node, shape: Shape) -> Shape:
    """The positions of a sequence or image."""
    if len(shape) not in (2, 3):
        raise unfit(node, "a sequence or an image", f"shape {shape}", "start from a 'sequence' or 'image' node")
    return shape[1:]


def norm_parameters(norm: object, channels: int) -> int:
    """Gain and bias of each channel, or the gain only, or nothing."""
    return channels * {"none": 0, "rms": 1}.get(str(norm), 2)
