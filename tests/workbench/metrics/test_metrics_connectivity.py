from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from search_spaces.errors import WeightloomError
from workbench.metrics import edge_entropy, mask_iou, sparsity

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
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()
