"""An architecture as arrays that any encoder can read, whatever space it comes from."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from search_spaces.architecture import Architecture, Node, Value

# dimension names: nodes = nodes of the graph, features = NODE_FEATURES
HASHED = 24
NODE_FEATURES = HASHED + 5


@dataclass(frozen=True, kw_only=True)
class GraphArrays:
    """The graph of one architecture.

    Attributes:
        nodes: features of each node: a fixed random code of its operation and its categorical choices
            (summed), the logarithm of its numeric choices, its depth from input and from output (0..1),
            and log of its numbers of wires in and out.
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
    features = np.zeros((count, NODE_FEATURES), dtype=np.float32)
    for i, node in enumerate(architecture.nodes):
        code, number = _code(node)
        position = i / max(1, count - 1)
        features[i, :HASHED] = code
        features[i, HASHED:] = (
            number,
            position,
            math.log1p(count),
            math.log1p(both[i].sum()),
            math.log1p(both[:, i].sum()),
        )
    return GraphArrays(nodes=features, main=main, skip=skip)


def _code(node: Node) -> tuple[np.ndarray, float]:
    code = _random_code("operation", node.operation).copy()
    number = 0.0
    for name, value in node.choices:
        if isinstance(value, bool | str):
            code += _random_code(name, value)
        else:
            number += math.log2(1.0 + abs(value)) / 4.0
    return code / math.sqrt(1 + len(node.choices)), number


@lru_cache(maxsize=4096)
def _random_code(name: str, value: Value) -> np.ndarray:
    """A vector of ±1 that depends only on the words."""
    digest = hashlib.sha256(f"{name}={value!r}".encode()).digest()
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:HASHED]
    return bits.astype(np.float32) * 2.0 - 1.0
