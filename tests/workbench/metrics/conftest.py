"""A synthetic zoo: networks that share what is hard, and differ by chance."""

from collections.abc import Callable

import numpy as np
import pytest

EXAMPLES, CLASSES = 240, 5


@pytest.fixture(scope="session")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(CLASSES, size=EXAMPLES)


@pytest.fixture(scope="session")
def train(labels: np.ndarray) -> Callable[[int, int], np.ndarray]:
    """``train(count, seed)``: predictions of ``count`` independently trained networks."""
    shared = 5.0 * np.eye(CLASSES)[labels] + 1.8 * np.random.default_rng(1).normal(size=(EXAMPLES, CLASSES))

    def networks(count: int, seed: int) -> np.ndarray:
        own = np.random.default_rng(seed).normal(size=(count, EXAMPLES, CLASSES))
        logits = np.exp(shared + 0.8 * own)
        return logits / logits.sum(axis=-1, keepdims=True)

    return networks


@pytest.fixture(scope="session")
def wrong(labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The error sets of predictions."""
    return lambda probabilities: probabilities.argmax(axis=-1) != labels
