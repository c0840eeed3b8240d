from inspect import unwrap
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from search_spaces.errors import WeightloomError
from workbench.metrics import edge_entropy, mask_iou, matched_mask_iou, sparsity

gate_sets = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6)))


@given(gate_sets)
def test_edge_entropy_equals_scipy_edge_by_edge(gates):
    expected = np.mean([entropy([edge.mean(), 1 - edge.mean()], base=2) for edge in gates.T])
    assert edge_entropy(gates) == pytest.approx(expected, abs=1e-12)
    assert edge_entropy(~gates) == pytest.approx(edge_entropy(gates))
    assert 0 <= edge_entropy(gates) <= 1


def test_limits():
    constant = np.tile([True, False, True], (4, 1))
    assert edge_entropy(constant) == 0.0
    assert mask_iou(constant) == 1.0
    halved = np.array([[True, False], [False, True]])
    assert edge_entropy(halved) == 1.0
    assert mask_iou(halved) == 0.0
    assert mask_iou(np.array([[True, True, False], [False, True, True]])) == pytest.approx(1 / 3)


def two_layers(rng, kept=0.4):
    """Masks of a network of 5 inputs, 4 hidden neurons and 3 outputs, the bias column empty."""
    layers = [(rng.random(shape) < kept).astype(float) for shape in ((4, 6), (3, 5))]
    for layer in layers:
        layer[:, -1] = 0
    layers[0][0, 0] = 1.0
    return layers


@given(st.integers(0, 10_000))
def test_matched_iou_is_the_greatest_over_all_orders_of_neurons(seed):
    rng = np.random.default_rng(seed)
    a, b = two_layers(rng), two_layers(rng)
    orders = [[b[0][list(p)], b[1][:, [*p, 4]]] for p in permutations(range(4))]
    flat = [np.concatenate([layer.ravel() for layer in layers]) > 0 for layers in (a, *orders)]
    ious = [(flat[0] & other).sum() / (flat[0] | other).sum() for other in flat[1:]]
    assert matched_mask_iou([a, b]) == pytest.approx(max(ious))
    assert matched_mask_iou([b, orders[rng.integers(24)]]) == pytest.approx(1.0)


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_sparsity_is_the_missing_share(active, more):
    total = active + more
    assert sparsity(active, total) == pytest.approx(more / total)
    assert sparsity(total, total) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sparsity(3, 2), "active 3, total 2"),
        (lambda: sparsity(-1, 2), "active -1"),
        (lambda: sparsity(0, 0), "total > 0"),
        (lambda: unwrap(edge_entropy)(np.ones((3, 0), dtype=bool)), "non-empty"),
        (lambda: unwrap(mask_iou)(np.ones((1, 3), dtype=bool)), "at least 2 networks"),
        (lambda: matched_mask_iou([two_layers(np.random.default_rng(0))]), "at least 2 networks"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()
