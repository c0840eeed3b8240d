from inspect import unwrap

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.errors import WeightloomError
from workbench.metrics import fidelity, worst_decile

tables = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.floats(0.1, 1.0))


@given(tables)
def test_networks_as_good_as_trained_ones_give_one(real):
    np.testing.assert_allclose(fidelity(real, real), 1.0)
    np.testing.assert_allclose(fidelity(real / 2, real), 0.5)


@given(tables, st.data())
def test_a_broken_score_counts_as_zero_and_is_not_dropped(scores, data):
    row = data.draw(st.integers(0, len(scores) - 1))
    broken, zero = scores.copy(), scores.copy()
    broken[row, 0], zero[row, 0] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf])), 0.0
    np.testing.assert_array_equal(fidelity(broken, scores), fidelity(zero, scores))
    assert fidelity(broken, scores)[row] < 1


def test_ratio_of_means_and_anything_that_numpy_takes():
    ratio = unwrap(fidelity)([[0.4, None], [0.9, 0.7]], torch.tensor([[0.5, 0.3, 0.1], [0.8, 0.8, 0.8]]))
    np.testing.assert_allclose(ratio, [0.2 / 0.3, 1.0], rtol=1e-6)


@pytest.mark.parametrize(("count", "taken"), [(1, 1), (10, 1), (11, 2), (20, 2), (30, 3), (31, 4)])
def test_worst_decile_takes_a_tenth_rounded_up(count, taken):
    ratios = np.random.default_rng(0).permutation(np.arange(count, dtype=float))
    assert worst_decile(ratios) == np.mean(np.arange(taken))


@pytest.mark.parametrize(
    ("scores", "real", "words"),
    [
        ([[0.5]], [[np.nan]], "finite"),
        ([[0.5]], [[0.0]], "positive mean"),
        ([[-0.5]], [[0.5]], "at least 0"),
        ([[0.5]], [[0.5], [0.5]], "equal lengths"),
        ([0.5], [[0.5]], "2 axes"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "non-empty"),
    ],
)
def test_refuses_a_broken_yardstick(scores, real, words):
    with pytest.raises(WeightloomError, match=words):
        unwrap(fidelity)(scores, real)
