"""How far apart two inputs' outputs can be at most: spectral norms, and a Lipschitz bound of a whole network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from search_spaces import Architecture, Node, WeightloomError
from search_spaces.operations import shapes

# dimension names: rows = output neurons or channels

SLOPES: Mapping[str, float] = {
    "relu": 1.0,
    "tanh": 1.0,
    "elu": 1.0,
    "none": 1.0,
    "sigmoid": 0.25,
    "gelu": 1.1290,
    "silu": 1.0999,
}
"""Greatest slope of each activation, rounded up; that of gelu is at the square root of 2, that of silu near 2.4."""
UNBOUNDED: Mapping[str, str] = {
    "attention": "dot-product attention has no Lipschitz constant on all inputs (Kim et al. 2021, arXiv:2006.04710, "
    "theorem 3.1)",
    "multiply": "a product has no Lipschitz constant on all inputs",
    "gated_dense": "a gated layer is a product, which has no Lipschitz constant on all inputs",
    "squeeze_excite": "squeeze-and-excitation is a product, which has no Lipschitz constant on all inputs",
    "recurrent": "no useful constant is known of a gated recurrent unit",
    "norm": "a norm divides by a spread that may be as small as its epsilon, so its constant is of no use",
}
"""Operations without a bound, and why."""


def spectral_norm(matrix: Float[Tensor, "rows columns"]) -> float:
    """The greatest singular value, by SVD in double precision."""
    return float(torch.linalg.matrix_norm(matrix.detach().cpu().double(), ord=2))


def row_spectral_norm(weight: Float[Tensor, "rows ..."]) -> float:
    """Of the matrix whose rows are the weights of each output; no row is longer."""
    return spectral_norm(weight.flatten(1))


def conv_norm(weight: Float[Tensor, "rows ..."], groups: int, stride: int) -> float:
    """An upper bound of the norm of a convolution with zero padding, on data of any size.

    The least of four: the weights as a matrix of outputs by (inputs, window), times the square root of how many windows
    an entry lies in; and three other arrangements times the square root of the window's size (Singla & Feizi 2021,
    arXiv:1911.10258, theorem 1, for circular padding; zero padding and strides leave out rows and columns of a larger
    circular convolution, so the bound holds). Of groups the greatest counts. With a kernel of 1, or windows side by
    side, it is exact.
    """
    window = weight.shape[2:]
    covered = math.prod(-(-side // stride) for side in window)
    size = math.prod(window)
    found = 0.0
    for part in weight.detach().cpu().double().chunk(groups):
        found = max(
            found,
            min(
                math.sqrt(covered) * spectral_norm(part.flatten(1)),
                math.sqrt(size) * spectral_norm(part.transpose(0, 1).flatten(1)),
                math.sqrt(size) * spectral_norm(part.movedim(2, 1).flatten(0, 1).flatten(1)),
                math.sqrt(size) * spectral_norm(part.movedim(-1, 1).flatten(0, 1).flatten(1)),
            ),
        )
    return found


@dataclass(frozen=True, eq=False)
class LipschitzBound:
    """The bound of a network as a function of how much all its weights are shrunk.

    Attributes:
        architecture: the network's.
        closed: optional wires that bring nothing.
        norms: of each dense node and convolution.
    """

    architecture: Architecture
    closed: frozenset[tuple[str, str]]
    norms: Mapping[str, float]
    _shapes: Mapping[str, tuple[int, ...]] = field(repr=False)

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        state: Mapping[str, Tensor],
        open_neurons: Mapping[str, Tensor],
        closed: frozenset[tuple[str, str]],
    ) -> LipschitzBound:
        """Read off one network's tensors and connectivity; rows of closed neurons do not count.

        Raises:
            WeightloomError: the network has an operation of which no bound is known.
        """
        norms: dict[str, float] = {}
        for node in sorted(architecture.nodes[1:], key=lambda n: n.operation == "norm"):  # the stronger reasons first
            _check(node)
        for node in architecture.nodes[1:]:
            if node.operation not in ("dense", "conv"):
                continue
            dense = node.operation == "dense"
            weight = state[f"{node.name}.{'linear' if dense else 'conv'}.weight"]
            if (mask := open_neurons.get(node.name)) is not None:
                weight = weight * mask.to(weight).view(-1, *[1] * (weight.dim() - 1))
            norms[node.name] = (
                spectral_norm(weight) if dense else conv_norm(weight, int(node["groups"]), int(node["stride"]))
            )
        return cls(architecture, closed, norms, shapes(architecture))

    def at(self, factor: float = 1.0) -> float:
        """The bound L of ||f(x) - f(y)|| <= L ||x - y|| (2-norms) with all weight matrices times ``factor``.

        A layer's is its norm times the greatest slope of its activation, times that of what it reads; sums add up,
        concatenations add up in squares.
        """
        found = {self.architecture.nodes[0].name: 1.0}
        for node in self.architecture.nodes[1:]:
            edges = [e for e in self.architecture.edges_into(node.name) if (e.source, e.target) not in self.closed]
            reads = [found[edge.source] for edge in edges]
            total = math.hypot(*reads) if node.operation == "concat" else sum(reads)
            if node.name in self.norms:
                total *= factor * self.norms[node.name] * SLOPES[str(node["activation"])]
            else:
                total *= self._slope(node)
            found[node.name] = total
        return found[self.architecture.nodes[-1].name]

    def _slope(self, node: Node) -> float:
        slopes: dict[str, Callable[[], float]] = {
            "activation": lambda: SLOPES[str(node["kind"])],
            "zero": lambda: 0.0,
            "pool": lambda: self._pool(node),
            "global_pool": lambda: self._global_pool(node),
        }
        return slopes[node.operation]() if node.operation in slopes else 1.0

    def _pool(self, node: Node) -> float:
        """An entry changes no more windows than it lies in, and each of them by no more than itself."""
        axes = len(self._shapes[node.name]) - 1
        return math.sqrt((-(-int(node["kernel"]) // int(node["stride"]))) ** axes)

    def _global_pool(self, node: Node) -> float:
        source = self._shapes[self.architecture.edges_into(node.name)[0].source]
        return 1.0 if node["kind"] == "max" else 1.0 / math.sqrt(math.prod(source[1:]))


KNOWN = (
    "dense",
    "conv",
    "activation",
    "pool",
    "global_pool",
    "position",
    "flatten",
    "identity",
    "zero",
    "add",
    "concat",
)
"""Operations with a bound."""


def _check(node: Node) -> None:
    reason = UNBOUNDED.get(node.operation)
    if node.operation in ("dense", "conv") and node["norm"] != "none":
        reason = UNBOUNDED["norm"]
    if reason is None and node.operation not in KNOWN:
        reason = "its operation is not one of ours"
    if reason is not None:
        raise WeightloomError(
            f"Lipschitz bound: node {node.name!r} ({node.operation}): {reason}; limit the norms of weights instead, "
            "or choose an architecture of dense layers, convolutions, pools, sums and activations without norms"
        )
