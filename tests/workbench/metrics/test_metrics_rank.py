from inspect import unwrap
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.errors import WeightloomError
from workbench.metrics import noise_ceiling, rank_tau, rank_tau_top, regret_at

# few distinct values, so that ties are common
pairs = st.integers(2, 12).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8]))] * 2)
)


def tau_b(a, b):
    signs = np.array([(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in combinations(range(len(a)), 2)])
    norm = np.sqrt((signs[:, 0] ** 2).sum() * (signs[:, 1] ** 2).sum())
    return (signs[:, 0] * signs[:, 1]).sum() / norm if norm else 0.0


@given(pairs)
def test_tau_equals_counting_pairs(pair):
    predicted, real = pair
    assert rank_tau(predicted, real) == pytest.approx(tau_b(predicted, real))
    assert rank_tau(real, predicted) == pytest.approx(rank_tau(predicted, real))
    assert rank_tau(-predicted, real) == pytest.approx(-rank_tau(predicted, real))
    assert rank_tau(np.exp(5 * predicted), real) == pytest.approx(rank_tau(predicted, real))


def test_limits():
    real = np.linspace(0.1, 0.9, 12)
    assert rank_tau(real, real) == pytest.approx(1.0)
    assert rank_tau(real[::-1].copy(), real) == pytest.approx(-1.0)
    assert rank_tau(np.full(12, 0.3), real) == 0.0
    assert rank_tau(real, np.full(12, 0.3)) == 0.0


def test_a_failed_prediction_ranks_last():
    real = np.array([0.1, 0.2, 0.3])
    assert rank_tau(np.array([np.nan, 0.5, 0.6]), real) == pytest.approx(1.0)
    assert rank_tau(np.array([0.5, 0.6, np.nan]), real) < 0
    assert regret_at(np.array([0.1, 0.2, np.nan]), real, 1) == pytest.approx(0.1)


def test_top_looks_only_at_the_really_best():
    real = np.arange(60, dtype=float)
    good_at_the_top = real.copy()
    good_at_the_top[:54] = good_at_the_top[:54][::-1]
    assert rank_tau(good_at_the_top, real) < 0
    assert rank_tau_top(good_at_the_top, real) == pytest.approx(1.0)
    # 30 architectures: a tenth is 3, but five are taken; 20 %: six
    for share, count in ((0.1, 5), (0.2, 6), (1.0, 30)):
        predicted = real[:30].copy()
        predicted[30 - count] = 100.0
        expected = tau_b(predicted[-count:], real[30 - count : 30])
        assert rank_tau_top(predicted, real[:30].copy(), share=share) == pytest.approx(expected)


@given(pairs, st.randoms())
def test_order_of_architectures_does_not_matter(pair, random):
    predicted, real = pair
    order = list(range(len(real)))
    random.shuffle(order)
    for figure in (rank_tau, rank_tau_top, lambda p, r: regret_at(p, r, 2)):
        assert figure(predicted[order], real[order]) == pytest.approx(figure(predicted, real))


@given(pairs)
def test_regret_falls_with_k_down_to_zero(pair):
    predicted, real = pair
    regrets = [regret_at(predicted, real, k) for k in range(1, len(real) + 2)]
    assert regrets == sorted(regrets, reverse=True)
    assert 0 <= regrets[0] <= np.ptp(real)
    assert regrets[-2] == regrets[-1] == 0
    assert regret_at(real, real, 1) == 0


def test_a_constant_predictor_earns_nothing_by_luck():
    real = np.array([0.9, 0.1, 0.5])
    assert regret_at(np.zeros(3), real, 1) == pytest.approx(0.8)
    assert regret_at(np.zeros(3), real, 2) == pytest.approx(0.4)


def test_noise_ceiling_falls_with_noise():
    truth = np.linspace(0.5, 0.9, 25)[:, None]
    noise = np.random.default_rng(0).normal(size=(25, 5))
    ceilings = [noise_ceiling(truth + level * noise) for level in (0.0, 0.05, 0.2)]
    assert ceilings[0] == pytest.approx(1.0)
    assert ceilings[0] > ceilings[1] > ceilings[2]
    assert abs(noise_ceiling(noise)) < 0.3
    assert noise_ceiling(noise, seed=1) == noise_ceiling(noise, seed=1)
    # two seeds: only one split exists
    assert noise_ceiling(noise[:, :2].copy()) == pytest.approx(tau_b(noise[:, 0], noise[:, 1]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unwrap(rank_tau)([1.0], [1.0]), "at least 2 architectures"),
        (lambda: unwrap(rank_tau)([1.0, 2.0], [1.0, np.nan]), "finite"),
        (lambda: unwrap(rank_tau)([1.0, 2.0], [1.0, 2.0, 3.0]), "equal lengths"),
        (lambda: unwrap(rank_tau_top)([1.0, 2.0], [1.0, 2.0], share=0.0), "share"),
        (lambda: unwrap(regret_at)([1.0, 2.0], [1.0, 2.0], 0), "at least 1"),
        (lambda: unwrap(noise_ceiling)([[1.0], [2.0]]), "at least 2 seeds"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()
