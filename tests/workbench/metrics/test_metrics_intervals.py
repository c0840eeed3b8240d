from dataclasses import astuple
from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from search_spaces.errors import WeightloomError
from workbench.metrics import Interval, bootstrap, paired_difference, resampled

samples = arrays(np.float64, st.integers(1, 12), elements=st.floats(-100, 100))


@given(samples)
def test_interval_holds_the_mean_and_stays_within_the_values(values):
    found = bootstrap(values, resamples=50)
    assert found.mean == pytest.approx(values.mean())
    assert found.low <= found.mean <= found.high
    assert found.low >= values.min() - 1e-9
    assert found.high <= values.max() + 1e-9
    assert found.n == values.size


@given(samples)
def test_negated_values_negate_the_mean_and_swap_the_ends(values):
    up, down = bootstrap(values, resamples=50), bootstrap(-values, resamples=50)
    np.testing.assert_allclose(astuple(up)[:3], [-down.mean, -down.high, -down.low], atol=1e-9)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_agrees_with_scipy(statistic):
    values = np.random.default_rng(3).gamma(2.0, size=60)
    summary = getattr(np, statistic)
    theirs = stats.bootstrap((values,), summary, method="percentile", n_resamples=20_000, rng=1)
    ours = bootstrap(values, resamples=20_000, statistic=statistic)
    width = ours.high - ours.low
    assert ours.mean == summary(values)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


def test_ninety_five_percent_of_intervals_hold_the_truth():
    rng = np.random.default_rng(0)
    hits = [
        found.low <= 2.0 <= found.high
        for found in (bootstrap(rng.normal(2.0, 1.0, size=40), resamples=400) for _ in range(300))
    ]
    assert 0.90 <= np.mean(hits) <= 0.98


def test_many_samples_in_blocks_equal_one_block(monkeypatch):
    values = np.random.default_rng(0).normal(size=30)
    whole = bootstrap(values, resamples=100)
    monkeypatch.setattr("workbench.metrics.intervals._BLOCK", 1)
    assert astuple(bootstrap(values, resamples=100)) == pytest.approx(astuple(whole))


def test_same_seed_same_interval_and_other_seed_another():
    values = np.random.default_rng(0).normal(size=9)
    assert bootstrap(values, seed=4) == bootstrap(values, seed=4) != bootstrap(values, seed=5)


def test_one_sample_has_no_width_and_claims_nothing():
    found = bootstrap(np.array([3.0]))
    assert found == Interval(3.0, 3.0, 3.0, 1)
    assert not found.excludes_zero


@pytest.mark.parametrize(
    ("low", "high", "claims"), [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.1, False), (0.0, 0.2, False)]
)
def test_excludes_zero(low, high, claims):
    assert Interval((low + high) / 2, low, high, 8).excludes_zero is claims


def test_pairing_finds_a_difference_that_hides_in_the_spread():
    rng = np.random.default_rng(0)
    base = rng.normal(0.0, 10.0, size=30)
    better = base + 0.5 + rng.normal(0.0, 0.1, size=30)
    found = paired_difference(better, base)
    assert found.excludes_zero
    assert found.low < 0.5 < found.high
    unpaired = paired_difference(rng.permutation(better), base)
    assert not unpaired.excludes_zero
    assert paired_difference(base, better).mean == -found.mean


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf], [[1.0]], ["a"]])
def test_refuses_what_has_no_mean(values):
    with pytest.raises(WeightloomError, match=r"^bootstrap: expected .+, got .+\. .+"):
        unwrap(bootstrap)(values)


def test_refuses_unequal_pairs_and_unknown_statistics():
    with pytest.raises(WeightloomError, match="equal lengths"):
        unwrap(paired_difference)(np.zeros(3), np.zeros(4))
    with pytest.raises(WeightloomError, match="mean or median"):
        unwrap(bootstrap)(np.zeros(3), statistic="mode")
    with pytest.raises(WeightloomError, match="resamples"):
        bootstrap(np.zeros(3), resamples=0)


def test_resampling_a_mean_is_the_bootstrap_of_the_mean() -> None:
    values = np.random.default_rng(3).normal(size=40)
    found = resampled(40, lambda i: values[i].mean(), resamples=4000)
    expected = bootstrap(values, resamples=4000)
    assert found.mean == pytest.approx(values.mean())
    assert found.n == 40
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
