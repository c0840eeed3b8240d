from inspect import unwrap
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.errors import WeightloomError
from workbench.metrics import match_neurons, matched_distances, matched_l2


def network(widths, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(out, into + 1)) for into, out in pairwise(widths)]


def reorder(layers, orders):
    """Written apart from the package: move rows here, and columns of the layer after."""
    moved = [layer.copy() for layer in layers]
    for level, order in enumerate(orders):
        moved[level] = moved[level][list(order)]
        moved[level + 1][:, :-1] = moved[level + 1][:, :-1][:, list(order)]
    return moved


def plain(a, b):
    return np.linalg.norm(np.concatenate([(x - y).ravel() for x, y in zip(a, b, strict=True)]))


def brute(a, b):
    widths = [len(layer) for layer in a[:-1]]
    return min(plain(a, reorder(b, orders)) for orders in product(*[permutations(range(w)) for w in widths]))


@given(st.integers(0, 10_000), st.sampled_from([(2, 4, 3), (1, 5, 1), (3, 2, 2)]))
@settings(max_examples=30)
def test_exact_for_one_hidden_layer(seed, widths):
    a, b = network(widths, seed), network(widths, seed + 1)
    assert matched_l2(a, b) == pytest.approx(brute(a, b))


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_an_upper_bound_for_two_and_never_above_the_plain_distance(seed):
    a, b = network((2, 4, 3, 2), seed), network((2, 4, 3, 2), seed + 1)
    assert brute(a, b) - 1e-9 <= matched_l2(a, b) <= plain(a, b) + 1e-9


def test_the_bound_is_mostly_tight_and_far_below_the_plain_distance():
    pairs = [(network((2, 4, 3, 2), s), network((2, 4, 3, 2), s + 500)) for s in range(30)]
    gaps = np.array([(matched_l2(a, b), brute(a, b), plain(a, b)) for a, b in pairs])
    assert np.mean(gaps[:, 0] <= gaps[:, 1] + 1e-9) >= 0.6
    assert gaps[:, 0].mean() < 1.05 * gaps[:, 1].mean() < 0.95 * gaps[:, 2].mean()


@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=2, max_size=5))
@settings(max_examples=40)
def test_a_permuted_copy_is_found_at_any_depth(seed, widths):
    a = network(widths, seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(width) for width in widths[1:-1]]
    copy = reorder(a, orders)
    assert matched_l2(a, copy) == pytest.approx(0.0, abs=1e-9)
    # the match undoes the shuffle
    for layer, back in zip(a, reorder(copy, match_neurons(a, copy)), strict=True):
        np.testing.assert_array_equal(layer, back)


def test_order_of_neurons_does_not_change_the_distance_of_a_nearby_network():
    a = network((3, 8, 6, 2), 0)
    rng = np.random.default_rng(1)
    near = [layer + 0.05 * rng.normal(size=layer.shape) for layer in a]
    shuffled = reorder(near, [rng.permutation(8), rng.permutation(6)])
    assert matched_l2(a, shuffled) == pytest.approx(plain(a, near))
    assert plain(a, shuffled) > 3 * plain(a, near)
    assert matched_l2(shuffled, a) == pytest.approx(plain(a, near))


def test_all_pairs():
    some, others = [network((2, 3, 2), s) for s in (0, 1)], [network((2, 3, 2), s) for s in (1, 2, 3)]
    distances = matched_distances(some, others)
    assert distances.shape == (2, 3)
    assert distances[1, 0] == 0.0
    assert distances[0, 2] == matched_l2(some[0], others[2])


def test_a_network_without_hidden_layers_has_the_plain_distance():
    a, b = network((3, 2), 0), network((3, 2), 1)
    assert matched_l2(a, b) == pytest.approx(plain(a, b))
    assert match_neurons(a, b) == ()


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (network((2, 3, 2), 0), network((2, 4, 2), 0), "equal shapes"),
        ([np.ones((3, 3)), np.ones((2, 3))], [np.ones((3, 3)), np.ones((2, 3))], "bias last"),
        ([], [], "bias last"),
        ([np.full((2, 2), np.nan)], [np.ones((2, 2))], "finite"),
    ],
)
def test_refusals(a, b, words):
    with pytest.raises(WeightloomError, match=words):
        unwrap(matched_l2)(a, b)
