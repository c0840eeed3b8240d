from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from search_spaces.errors import WeightloomError
from workbench.metrics import ece, ensemble_score


def draw(seed, examples=30, classes=4, networks=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 0.5), size=(networks, examples)), rng.integers(classes, size=examples)


@given(st.integers(0, 9999), st.integers(1, 20))
def test_ece_equals_loops_over_bins(seed, bins):
    (probabilities, *_), labels = draw(seed)
    confidence, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0.0
    for m in range(bins):
        inside = (confidence > m / bins) & (confidence <= (m + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(hits[inside].mean() - confidence[inside].mean())
    assert ece(probabilities, labels, bins=bins) == pytest.approx(total)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert ece(probabilities[order], labels[order], bins=bins) == pytest.approx(total)


def test_ece_limits():
    labels = np.array([0, 1, 2, 0])
    assert ece(np.eye(3)[labels], labels) == 0.0
    assert ece(np.eye(3)[(labels + 1) % 3], labels) == 1.0
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1.0, size=100_000)
    honest = (rng.random(100_000) > confidence).astype(int)
    assert ece(np.stack([confidence, 1 - confidence], axis=1), honest) < 0.01


def test_a_confidence_on_an_edge_falls_into_the_bin_below():
    # apart: gaps of 0.5 and 0.25; in one bin they would cancel down to 0.125
    assert ece(np.array([[0.5, 0.5], [0.75, 0.25]]), np.array([1, 0]), bins=2) == pytest.approx(0.375)


@given(st.integers(0, 9999))
def test_ensemble_equals_scikit_learn_and_ignores_the_order_of_members(seed):
    probabilities, labels = draw(seed)
    score = ensemble_score(probabilities, labels)
    assert score == accuracy_score(labels, sum(probabilities).argmax(axis=1))
    assert ensemble_score(probabilities[::-1].copy(), labels) == score
    single = accuracy_score(labels, probabilities[0].argmax(axis=1))
    assert ensemble_score(np.repeat(probabilities[:1], 3, axis=0), labels) == single


def test_members_with_different_mistakes_are_better_together(train, labels):
    networks = train(10, 1)
    singles = [ensemble_score(network[None], labels) for network in networks]
    assert ensemble_score(networks, labels) > np.mean(singles) + 0.02


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unwrap(ece)([[0.5, 0.5]], [2]), "labels from 0 to 1"),
        (lambda: unwrap(ece)([[0.5, 0.5]], [0, 1]), "equal lengths"),
        (lambda: unwrap(ece)([[3.0, -2.0]], [0]), "probabilities"),
        (lambda: unwrap(ece)([[0.5, 0.5]], [0], bins=0), "bins"),
        (lambda: unwrap(ensemble_score)([[[np.nan, 0.5]]], [0]), "finite"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(WeightloomError, match=words):
        call()
