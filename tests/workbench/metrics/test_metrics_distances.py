from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.errors import WeightloomError
from workbench.metrics import distance_to_mean_ratio, hellinger

predictions = arrays(np.float64, (4, 3, 3), elements=st.floats(0.0, 1.0)).map(
    lambda raw: (raw + 1e-3) / (raw + 1e-3).sum(axis=-1, keepdims=True)
)


@given(predictions, predictions)
def test_equals_the_formula_by_loops(a, b):
    expected = [[np.mean(np.sqrt(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1))) for q in b] for p in a]
    np.testing.assert_allclose(hellinger(a, b), expected, atol=1e-6)


@given(predictions)
def test_is_a_metric(networks):
    distances = hellinger(networks, networks)
    assert (np.diag(distances) == 0).all()
    np.testing.assert_allclose(distances, distances.T)
    assert (distances >= 0).all()
    assert (distances <= 1).all()
    detours = (distances[:, :, None] + distances[None, :, :]).min(axis=1)
    assert (distances <= detours + 1e-6).all()


@given(predictions, st.permutations(range(3)))
def test_order_of_examples_and_classes_does_not_matter(networks, order):
    distances = hellinger(networks, networks)
    for axis in (1, 2):
        moved = np.take(networks, order, axis=axis)
        np.testing.assert_allclose(hellinger(moved, moved), distances, atol=1e-6)


def test_limits_and_blocks(train, monkeypatch):
    certain = np.eye(3)[:, None, :]
    np.testing.assert_array_equal(hellinger(certain, certain), 1.0 - np.eye(3))
    a, b = train(5, 1), train(3, 2)
    whole = hellinger(a, b)
    monkeypatch.setattr("workbench.metrics.distances._BLOCK", 1)
    np.testing.assert_allclose(hellinger(a, b), whole, rtol=1e-12)


def test_single_precision_copies_are_at_distance_zero(train):
    networks = train(4, 1).astype(np.float32)
    assert (np.diag(hellinger(networks, networks)) == 0).all()


def test_averages_lie_near_the_mean_and_real_networks_do_not(train):
    training, heldout = train(32, 1), train(16, 2)
    averages = np.stack([train(16, seed).mean(axis=0) for seed in range(10, 18)])
    ratios = [distance_to_mean_ratio(some, heldout, training) for some in (averages, train(16, 3), heldout)]
    assert ratios[0] < 0.4
    assert ratios[1] == pytest.approx(1.0, abs=0.05)
    assert ratios[2] == 1.0


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.full((1, 1, 2), np.nan), np.full((1, 1, 2), 0.5), "probabilities"),
        (np.array([[[1.5, -0.5]]]), np.full((1, 1, 2), 0.5), "probabilities"),
        (np.full((1, 1, 2), 0.7), np.full((1, 1, 2), 0.5), "sum to 1"),
        (np.full((1, 2, 2), 0.5), np.full((1, 1, 2), 0.5), "same examples"),
        (np.full((1, 2), 0.5), np.full((1, 2), 0.5), "3 axes"),
        (np.zeros((0, 1, 2)), np.full((1, 1, 2), 0.5), "nothing at all"),
    ],
)
def test_refusals(a, b, words):
    with pytest.raises(WeightloomError, match=words):
        unwrap(hellinger)(a, b)


def test_refuses_held_out_networks_without_spread():
    same = np.full((2, 3, 2), 0.5)
    with pytest.raises(WeightloomError, match="differ from the mean"):
        distance_to_mean_ratio(same, same, same)
