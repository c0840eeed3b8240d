"""Which layer an operation has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from search_spaces.architecture import Node
from search_spaces.layers.joins import Join
from search_spaces.layers.mixing import Attention, PositionEmbedding, Recurrent
from search_spaces.layers.norms import Norm
from search_spaces.layers.plain import ACTIVATION_FUNCTIONS, Dense, GatedDense, Pointwise
from search_spaces.layers.spatial import Conv, GlobalPool, Pool, SqueezeExcite
from search_spaces.operations import Shape


def make_layer(node: Node, shape: Shape) -> nn.Module:
    """The module of a checked node, given the shape of its (first) input."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "dense": lambda: Dense(node, shape[0]),
        "gated_dense": lambda: GatedDense(node, shape[0]),
        "conv": lambda: Conv(node, shape),
        "pool": lambda: Pool(node, shape),
        "global_pool": lambda: GlobalPool(str(node["kind"])),
        "squeeze_excite": lambda: SqueezeExcite(shape[0], max(1, shape[0] // int(node["ratio"]))),
        "narrow_squeeze_excite": lambda: SqueezeExcite(shape[0], int(node["inner"])),
        "flatten": lambda: Pointwise(_flatten),
        "norm": lambda: Norm(str(node["kind"]), shape),
        "activation": lambda: Pointwise(ACTIVATION_FUNCTIONS[str(node["kind"])]),
        "attention": lambda: Attention(node, shape, shape[0] // int(node["heads"]), shape[0]),
        "narrow_attention": lambda: Attention(node, shape, int(node["size"]), int(node["channels"])),
        "position": lambda: PositionEmbedding(shape),
        "recurrent": lambda: Recurrent(node, shape),
        "identity": nn.Identity,
        "zero": lambda: Pointwise(torch.zeros_like),
    }
    return makers[node.operation]() if node.operation in makers else Join(node.operation)


def _flatten(z: Tensor) -> Tensor:
    return z.flatten(1)
