from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import logm
from scipy.stats import entropy

from search_spaces.errors import WeightloomError
from workbench.metrics import effective_rank, pairwise_error_iou, vendi

error_sets = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 9)))
matrices = arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-5, 5))


@given(error_sets)
def test_error_overlap_is_a_kernel_and_the_score_counts_networks(errors):
    kernel = pairwise_error_iou(errors)
    score = vendi(kernel)
    assert 1 - 1e-9 <= score <= len(errors) + 1e-9
    assert vendi(kernel[::-1, ::-1].copy()) == pytest.approx(score)
    # the score does not count a network twice
    assert vendi(np.tile(kernel, (2, 2))) == pytest.approx(score)


def test_equals_the_matrix_logarithm():
    points = np.random.default_rng(0).normal(size=(6, 3))
    kernel = np.exp(-np.linalg.norm(points[:, None] - points[None], axis=-1))
    density = kernel / 6
    assert vendi(kernel) == pytest.approx(np.exp(-np.trace(density @ logm(density))))


def test_limits():
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert vendi(np.ones((7, 7))) == pytest.approx(1)
    assert vendi(np.kron(np.eye(3), np.ones((2, 2)))) == pytest.approx(3)
    assert effective_rank(np.eye(4, 9)) == pytest.approx(4)
    assert effective_rank(np.ones((6, 20))) == pytest.approx(1)
    assert effective_rank(np.zeros((3, 5))) == 1.0


@given(matrices)
def test_effective_rank_equals_scipy_and_ignores_scale_and_order(weights):
    rank = effective_rank(weights)
    assert 1 - 1e-9 <= rank <= min(weights.shape) + 1e-9
    values = np.linalg.svd(weights, compute_uv=False)
    if values.sum() > 0:
        assert rank == pytest.approx(np.exp(entropy(values)))
    assert effective_rank(weights.T.copy()) == pytest.approx(rank, rel=1e-6)
    assert effective_rank(3 * weights) == pytest.approx(rank, rel=1e-6)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (np.zeros((3, 3)), "ones on the diagonal"),
        (np.ones((2, 3)), "symmetric"),
        (np.array([[1.0, 0.5], [0.1, 1.0]]), "symmetric"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "positive semi-definite"),
        (np.full((2, 2), np.nan), "finite"),
    ],
)
def test_refuses_what_is_no_kernel(kernel, words):
    with pytest.raises(WeightloomError, match=words):
        unwrap(vendi)(kernel)
