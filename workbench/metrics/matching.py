"""Distance between two networks whose hidden neurons may stand in different order.

Dimensions: ``out`` = neurons of a layer, ``in_plus_bias`` = its inputs, and its bias as the last column; the
underscore says that they differ from layer to layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from workbench.metrics.checks import as_floats, refusal

Layers = Sequence[Float[np.ndarray, "_out _in_plus_bias"]]
Permutations = list[np.ndarray]


def match_neurons(a: Layers, b: Layers) -> tuple[np.ndarray, ...]:
    """For each hidden layer, which neuron of ``b`` plays the part of each neuron of ``a``.

    Coordinate descent: one layer at a time is matched optimally (Hungarian method) on its incoming and
    outgoing weights with the others held, until the distance falls no more.

    Args:
        a: layers of the first network, input side first; the last one is the output layer.
        b: layers of the second network, of equal shapes.

    Returns:
        One permutation p per hidden layer: neuron ``p[i]`` of ``b`` answers to neuron ``i`` of ``a``.

    Raises:
        WeightloomError: no layers, differing shapes, layers that do not follow on each other, a NaN.

    Source: Ainsworth et al. 2023, Git Re-Basin, algorithm 1. Deviations: layers are visited in order, not at
    random, so the result is deterministic; and besides the identity we start from a greedy match on incoming
    weights, which finds an exact permuted copy at any depth where the descent may get stuck.
    """
    return tuple(_best(a, b)[1])


def matched_l2(a: Layers, b: Layers) -> float:
    """L2 distance between all weights and biases, modulo the order of hidden neurons.

    In [0, inf), in the unit of the weights; 0 = the same network but for the order of neurons. Exact for one
    hidden layer; for more an upper bound on the true minimum (finding that is NP-hard), never above the
    plain distance. Scaling symmetries of ReLU networks are not removed.

    Args:
        a: layers as for `match_neurons`.
        b: layers of equal shapes.

    Raises:
        WeightloomError: as `match_neurons`.
    """
    return _best(a, b)[0]


def matched_distances(networks: Sequence[Layers], others: Sequence[Layers]) -> Float[np.ndarray, "networks others"]:
    """`matched_l2` of each network with each of the others: what `rho` and `replica_share` take.

    Args:
        networks: networks of one architecture.
        others: networks of the same architecture.

    Raises:
        WeightloomError: as `match_neurons`.
    """
    return np.array([[matched_l2(network, other) for other in others] for network in networks])


def _best(a: Layers, b: Layers) -> tuple[float, Permutations]:
    left, right = _checked(a), _checked(b)
    shapes = [[layer.shape for layer in layers] for layers in (left, right)]
    if shapes[0] != shapes[1]:
        raise refusal(
            "match_neurons",
            expected="two networks of equal shapes",
            got=shapes,
            remedy="Compare networks of one architecture.",
        )
    identity = [np.arange(len(layer)) for layer in left[:-1]]
    found = [_descend(left, right, start) for start in (identity, _greedy(left, right))]
    return min(found, key=lambda pair: pair[0])


def _greedy(a: list[np.ndarray], b: list[np.ndarray]) -> Permutations:
    """Match layer by layer on incoming weights only, the layers before held as matched."""
    rows: Permutations = []
    for mine, theirs in zip(a[:-1], b[:-1], strict=True):
        rows.append(_assign(mine @ _columns(theirs, rows).T))
    return rows


def _descend(a: list[np.ndarray], b: list[np.ndarray], rows: Permutations) -> tuple[float, Permutations]:
    """Improve one layer at a time until a whole round brings nothing."""
    rows, best = list(rows), _distance(a, _permuted(b, rows))
    while True:
        trial = list(rows)
        for level in range(len(trial)):
            incoming = _columns(b[level], trial[:level])
            following = b[level + 1] if level + 1 == len(trial) else b[level + 1][trial[level + 1]]
            trial[level] = _assign(a[level] @ incoming.T + a[level + 1][:, :-1].T @ following[:, :-1])
        distance = _distance(a, _permuted(b, trial))
        if distance >= best * (1 - 1e-12):
            return best, rows
        rows, best = trial, distance


def _assign(gain: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    columns: np.ndarray = linear_sum_assignment(gain, maximize=True)[1]
    return columns


def _columns(layer: np.ndarray, before: Permutations) -> np.ndarray:
    """The layer with its inputs in the order of the layer before it; the bias stays last."""
    return layer[:, np.append(before[-1], -1)] if before else layer


def _permuted(layers: list[np.ndarray], rows: Permutations) -> list[np.ndarray]:
    ordered = [_columns(layer, rows[:level]) for level, layer in enumerate(layers)]
    return [layer[rows[level]] if level < len(rows) else layer for level, layer in enumerate(ordered)]


def _distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum((x - y) ** 2) for x, y in zip(a, b, strict=True))))


def _checked(layers: Sequence[npt.ArrayLike]) -> list[np.ndarray]:
    arrays = [as_floats("match_neurons", layer, 2) for layer in layers]
    widths = [(len(before), after.shape[1] - 1) for before, after in pairwise(arrays)]
    if not arrays or any(out != inputs for out, inputs in widths):
        raise refusal(
            "match_neurons",
            expected="layers [out, in + 1], each as wide as the next one's inputs, with the bias last",
            got=[array.shape for array in arrays],
            remedy="Append the bias to the weight matrix as its last column (zeros where there is none).",
        )
    return arrays
