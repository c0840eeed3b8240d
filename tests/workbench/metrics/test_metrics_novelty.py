from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.errors import WeightloomError
from workbench.metrics import hellinger, nearest, replica_share, rho

tables = arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 5)), elements=st.floats(0.01, 10))


@given(tables, st.floats(0.01, 100))
def test_rho_is_a_ratio_of_means_of_nearest_distances(distances, scale):
    assert rho(distances, distances) == pytest.approx(1.0)
    assert rho(scale * distances, distances) == pytest.approx(scale)
    heldout = distances[::-1] + 1.0
    means = [sum(min(row) for row in table) / len(table) for table in (distances, heldout)]
    assert rho(distances, heldout) == pytest.approx(means[0] / means[1])


def test_a_copy_is_zero_a_real_network_one_and_noise_between(train):
    training, heldout = train(40, 1), train(20, 2)
    yardstick = hellinger(heldout, training)
    assert rho(hellinger(training[:10], training), yardstick) == 0.0
    assert rho(hellinger(train(20, 3), training), yardstick) == pytest.approx(1.0, abs=0.05)
    blend = 0.8 * training[:20] + 0.2 * heldout
    assert 0.05 < rho(hellinger(blend, training), yardstick) < 0.8


@given(tables, st.floats(0.1, 1.0))
def test_replica_share_equals_a_loop_and_rises_with_the_ratio(distances, ratio):
    expected = np.mean([sorted(row)[0] < ratio * sorted(row)[1] for row in distances])
    assert replica_share(distances, ratio=ratio) == expected
    assert replica_share(distances, ratio=ratio / 2) <= expected
    assert replica_share(7 * distances, ratio=0.5) == replica_share(distances, ratio=0.5)


def test_replica_share_limits(train):
    training = train(20, 1)
    copies = hellinger(training[:5], training)
    assert replica_share(copies) == 1.0
    assert replica_share(np.tile(copies, (1, 2))) == 1.0  # each held twice: d1 = d2 = 0
    assert replica_share(hellinger(train(10, 2), training)) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unwrap(rho)([[1.0]], [[0.0]]), "no part"),
        (lambda: unwrap(rho)([[1.0, 2.0]], [[1.0]]), "one T"),
        (lambda: unwrap(nearest)([[-1.0]]), "negative"),
        (lambda: unwrap(nearest)([[np.nan]]), "finite"),
        (lambda: unwrap(replica_share)([[1.0]]), "at least 2 training"),
        (lambda: unwrap(replica_share)([[1.0, 2.0]], ratio=2.0), "ratio"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()
