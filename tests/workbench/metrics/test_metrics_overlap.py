from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import jaccard_score

from search_spaces.errors import WeightloomError
from workbench.metrics import (
    chance_iou,
    collapse,
    cross_error_iou,
    error_iou,
    mask_iou,
    max_iou,
    pairwise_error_iou,
    spread,
)

error_sets = arrays(np.bool_, st.tuples(st.integers(2, 5), st.integers(1, 9)))


@given(error_sets)
def test_pairwise_equals_scikit_learn(errors):
    iou = pairwise_error_iou(errors)
    for i, a in enumerate(errors):
        for j, b in enumerate(errors):
            assert iou[i, j] == pytest.approx(jaccard_score(a, b, zero_division=1.0))
            assert error_iou(a, b) == iou[i, j]


@given(error_sets, st.randoms())
def test_range_symmetry_and_permutation(errors, random):
    iou = pairwise_error_iou(errors)
    assert (iou >= 0).all()
    assert (iou <= 1).all()
    assert (iou == iou.T).all()
    assert (np.diag(iou) == 1).all()
    order = list(range(errors.shape[1]))
    random.shuffle(order)
    np.testing.assert_array_equal(pairwise_error_iou(errors[:, order]), iou)
    assert spread(errors[::-1].copy()) == pytest.approx(spread(errors))
    assert spread(errors) == pytest.approx(1 - iou[~np.eye(len(iou), dtype=bool)].mean())
    assert mask_iou(errors) == pytest.approx(1 - spread(errors))


@given(error_sets, st.data())
def test_max_iou_is_the_largest_of_a_loop(errors, data):
    shape = (data.draw(st.integers(1, 4)), errors.shape[1])
    training = data.draw(arrays(np.bool_, shape))
    expected = [max(error_iou(mine, theirs) for theirs in training) for mine in errors]
    np.testing.assert_array_equal(max_iou(errors, training), expected)
    np.testing.assert_array_equal(cross_error_iou(errors, training), cross_error_iou(training, errors).T)
    assert (max_iou(errors, np.concatenate([training, errors])) == 1).all()


def test_networks_without_errors_make_the_same_mistakes():
    none, some = np.zeros(4, dtype=bool), np.array([True, False, False, False])
    assert error_iou(none, none) == 1.0
    assert error_iou(none, some) == 0.0
    assert chance_iou(0.0, 0.0) == 1.0


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.5, 0.2), (0.05, 0.9), (0.0, 0.3), (1.0, 1.0)])
def test_chance_is_what_independent_errors_give(a, b):
    rng = np.random.default_rng(0)
    errors = rng.random((2, 200_000)) < np.array([[a], [b]])
    assert error_iou(errors[0], errors[1]) == pytest.approx(chance_iou(a, b), abs=0.01)


def test_collapse_limits(train, wrong):
    real = spread(wrong(train(8, 2)))
    one_network = spread(np.repeat(wrong(train(1, 3)), 8, axis=0))
    assert collapse(one_network, real) == 1.0
    assert collapse(real, real) == 0.0
    assert collapse(min(1.0, 1.5 * real), real) == 0.0
    assert collapse(real / 4, real) == pytest.approx(0.75)
    assert collapse(0.0, 0.0) == collapse(0.4, 0.0) == 0.0


def test_control_broken_networks_look_more_diverse_than_real_ones(train, wrong):
    real = wrong(train(8, 2))
    broken = np.random.default_rng(0).random(real.shape) < 0.5
    assert broken.mean() > 2 * real.mean()
    assert spread(broken) > spread(real)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unwrap(spread)(np.ones((1, 3), dtype=bool)), "at least 2 networks"),
        (lambda: unwrap(error_iou)(np.ones(3, dtype=bool), np.ones(4, dtype=bool)), "equal lengths"),
        (lambda: unwrap(pairwise_error_iou)([[0.2, 1.0]]), "booleans"),
        (lambda: unwrap(pairwise_error_iou)(np.ones((2, 0), dtype=bool)), "non-empty"),
        (lambda: unwrap(chance_iou)(5.0, 0.1), "rates"),
        (lambda: collapse(float("nan"), 0.5), "two spreads"),
        (lambda: collapse(0.5, 1.5), "two spreads"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()


def test_zeros_and_ones_serve_as_booleans():
    assert unwrap(error_iou)([1, 0, 1], [1, 1, 0]) == pytest.approx(1 / 3)
