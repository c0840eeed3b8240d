"""An architecture as arrays that any encoder can read, whatever space it comes from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from search_spaces.architecture import Architecture, Node, Value
from search_spaces.errors import WeightloomError
from search_spaces.operations import Shape, shapes

# dimension names: nodes = nodes of the graph, features = NODE_FEATURES
HASHED = 24
NODE_FEATURES = 2 * HASHED + 6


@dataclass(frozen=True, kw_only=True)
class GraphArrays:
    """The graph of one architecture.

    Attributes:
        nodes: features of each node: a fixed random code of its operation and its categorical choices
            (summed), another of its numeric choices (each a code of its name times the number's logarithm, so
            that channels and kernel stay apart), the logarithms of its channels and positions (0 where the graph
            cannot be built from our operations), its place in the order (0..1), the logarithm of the number of
            nodes, and those of its numbers of wires in and out.
        main, skip: adjacency, [target, source], 1 where there is a wire of that kind.
    """

    nodes: Float[np.ndarray, "nodes features"]
    main: Float[np.ndarray, "nodes nodes"]
    skip: Float[np.ndarray, "nodes nodes"]


@lru_cache(maxsize=65536)
def encode(architecture: Architecture) -> GraphArrays:
    """Arrays of ``architecture``; equal on every machine and in every process."""
    count = len(architecture.nodes)
    order = {node.name: i for i, node in enumerate(architecture.nodes)}
    main = np.zeros((count, count), dtype=np.float32)
    skip = np.zeros((count, count), dtype=np.float32)
    for edge in architecture.edges:
        (main if edge.kind == "main" else skip)[order[edge.target], order[edge.source]] = 1.0
    both = main + skip
    known = _shapes(architecture)
    features = np.zeros((count, NODE_FEATURES), dtype=np.float32)
    for i, node in enumerate(architecture.nodes):
        channels, *axes = known.get(node.name, (1,))
        features[i, : 2 * HASHED] = _code(node)
        features[i, 2 * HASHED :] = (
            math.log2(channels) / 4,
            math.log2(math.prod(axes)) / 4,
            i / max(1, count - 1),
            math.log1p(count),
            math.log1p(both[i].sum()),
            math.log1p(both[:, i].sum()),
        )
    return GraphArrays(nodes=features, main=main, skip=skip)


def _shapes(architecture: Architecture) -> Mapping[str, Shape]:
    try:
        return shapes(architecture)
    except WeightloomError:  # a foreign layer, or a graph that nobody checked
        return {}


def _code(node: Node) -> Float[np.ndarray, " twice"]:
    words = random_code("operation", node.operation).copy()
    numbers = np.zeros(HASHED, dtype=np.float32)
    for name, value in node.choices:
        if isinstance(value, bool | str):
            words += random_code(name, value)
        else:
            numbers += math.copysign(math.log2(1.0 + abs(value)) / 4.0, value) * random_code("number", name)
    return np.concatenate([words, numbers]) / math.sqrt(1 + len(node.choices))


@lru_cache(maxsize=4096)
def random_code(name: str, value: Value) -> np.ndarray:
    """A vector of ±1 that depends only on the words."""
    digest = hashlib.sha256(f"{name}={value!r}".encode()).digest()
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:HASHED]
    return bits.astype(np.float32) * 2.0 - 1.0
