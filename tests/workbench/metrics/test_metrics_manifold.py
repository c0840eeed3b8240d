from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import accuracy_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from search_spaces.errors import WeightloomError
from workbench.metrics import Distances, hellinger, mmd, one_nn, prdc


def clouds(seed, real=20, generated=20, shift=0.0, dimensions=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(real, dimensions)), rng.normal(size=(generated, dimensions)) + shift


def between(x, y):
    return Distances(cdist(x, x), cdist(x, y), cdist(y, y))


draws = st.tuples(st.integers(0, 999), st.integers(4, 9), st.integers(4, 9), st.floats(0, 3))


@given(draws, st.integers(1, 3))
def test_prdc_equals_loops_over_balls(setting, k):
    x, y = clouds(*setting)
    radii = [
        NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=True)[0][:, -1] for points in (x, y)
    ]

    def inside(point, centres, ball):
        return [np.linalg.norm(point - c) <= r for c, r in zip(centres, ball, strict=True)]

    found = prdc(between(x, y), k=k)
    assert found.precision == pytest.approx(np.mean([any(inside(g, x, radii[0])) for g in y]))
    assert found.recall == pytest.approx(np.mean([any(inside(r, y, radii[1])) for r in x]))
    assert found.density == pytest.approx(np.mean([sum(inside(g, x, radii[0])) / k for g in y]))
    covered = [any(np.linalg.norm(g - c) <= r for g in y) for c, r in zip(x, radii[0], strict=True)]
    assert found.coverage == pytest.approx(np.mean(covered))


@given(draws)
def test_order_of_networks_does_not_matter(setting):
    x, y = clouds(*setting)
    straight, turned = between(x, y), between(x[::-1], y[::-1])
    for figure in (lambda d: list(vars(prdc(d, k=2)).values()), mmd, one_nn):
        assert figure(turned) == pytest.approx(figure(straight))


def test_prdc_limits():
    x, _ = clouds(0, real=40)
    same = prdc(between(x, x), k=3)
    assert (same.precision, same.recall, same.coverage) == (1.0, 1.0, 1.0)
    far = prdc(between(x, x + 100.0), k=3)
    assert (far.precision, far.recall, far.density, far.coverage) == (0.0, 0.0, 0.0, 0.0)
    # one mode only: precise, but it reaches little of the real set
    collapsed = prdc(between(x, np.repeat(x[:1], 40, axis=0)), k=3)
    assert collapsed.precision == 1.0
    assert collapsed.recall < 0.1
    assert collapsed.coverage < 0.3


def test_density_is_about_one_for_equal_distributions():
    densities = [prdc(between(*clouds(seed, 60, 60)), k=5).density for seed in range(20)]
    assert np.mean(densities) == pytest.approx(1.0, abs=0.1)


@given(draws)
def test_mmd_equals_double_loops(setting):
    x, y = clouds(*setting)
    d = between(x, y)
    scale = np.median([d.real[i, j] for i in range(len(x)) for j in range(i)])

    def within(square):
        pairs = [np.exp(-square[i, j] / scale) for i in range(len(square)) for j in range(len(square)) if i != j]
        return np.mean(pairs)

    assert mmd(d) == pytest.approx(within(d.real) + within(d.generated) - 2 * np.exp(-d.cross / scale).mean())


def test_mmd_is_unbiased_and_grows_with_distance():
    null = [mmd(between(*clouds(seed, 15, 25))) for seed in range(200)]
    assert abs(np.mean(null)) < 3 * np.std(null) / np.sqrt(200)
    assert min(null) < 0
    shifted = [np.mean([mmd(between(*clouds(s, shift=shift))) for s in range(20)]) for shift in (0.0, 0.5, 1.0, 4.0)]
    assert shifted == sorted(shifted)
    assert shifted[-1] > 0.5


@given(st.integers(0, 999), st.integers(3, 12), st.floats(0, 2))
@settings(max_examples=25)
def test_one_nn_equals_scikit_learn_for_equal_sizes(seed, size, shift):
    x, y = clouds(seed, size, size, shift)
    points, sides = np.concatenate([x, y]), np.repeat([0, 1], size)
    guesses = cross_val_predict(KNeighborsClassifier(1), points, sides, cv=LeaveOneOut())
    assert one_nn(between(x, y)) == pytest.approx(accuracy_score(sides, guesses))


@pytest.mark.parametrize(("real", "generated"), [(40, 40), (60, 15)])
def test_one_nn_limits(real, generated):
    null = [one_nn(between(*clouds(seed, real, generated))) for seed in range(60)]
    assert np.mean(null) == pytest.approx(0.5, abs=0.03)
    assert one_nn(between(*clouds(0, real, generated, shift=50.0))) == 1.0
    x, _ = clouds(0, real)
    assert one_nn(between(x, x)) == 0.0
    # all in one place: a tie everywhere
    assert one_nn(between(np.zeros((3, 2)), np.zeros((4, 2)))) == 0.5


def test_control_a_copying_generator_is_no_better_than_a_real_set(train):
    training, heldout = train(20, 1), train(20, 2)
    copies = Distances.between(training, training)
    real = Distances.between(training, heldout)
    assert one_nn(copies) < 0.1 < one_nn(real) < 0.9
    np.testing.assert_array_equal(real.cross, hellinger(training, heldout))


def test_refusals():
    good = between(*clouds(0, 5, 6))
    with pytest.raises(WeightloomError, match="k from 1 to 4"):
        prdc(good, k=5)
    with pytest.raises(WeightloomError, match="k from 1"):
        prdc(good, k=0)
    with pytest.raises(WeightloomError, match="median distance 0"):
        mmd(between(np.zeros((3, 2)), np.ones((3, 2))))
    make = unwrap(Distances.__post_init__)
    for real, cross, generated, words in (
        (good.real, good.cross.T, good.generated, "real networks in rows"),
        (good.real, -good.cross, good.generated, "no kernel"),
        (good.real, good.cross * np.nan, good.generated, "finite"),
        (good.real[:1, :1], good.cross[:1], good.generated, "at least 2 networks"),
    ):
        loose = object.__new__(Distances)
        vars(loose).update(real=real, cross=cross, generated=generated)
        with pytest.raises(WeightloomError, match=words):
            make(loose)
