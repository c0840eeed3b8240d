"""The gap to a noise frontier, against frontiers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.frontier import LEVELS, Place, gaps

ARCHITECTURES = 12


def frontier(score_lost: float = 0.5) -> Place:
    """Spread rises with the level from 0 to 0.7; each unit of spread costs ``score_lost`` of the score."""
    spread = np.linspace(0.0, 0.7, len(LEVELS))[:, None].repeat(ARCHITECTURES, 1)
    return Place(score=0.9 - score_lost * spread, spread=spread, novelty=spread / 2)


def place(score: float, spread: float, novelty: float = 0.1) -> Place:
    rng = np.random.default_rng(0)
    jitter = rng.normal(0, 0.01, ARCHITECTURES)
    whole = np.ones(ARCHITECTURES)
    return Place(score=score + jitter - jitter.mean(), spread=spread * whole, novelty=novelty * whole)


@pytest.mark.parametrize("spread", [0.0, 0.13, 0.5, 0.7])
def test_a_generator_on_the_frontier_has_no_gap(spread: float) -> None:
    found = gaps(place(0.9 - 0.5 * spread, spread), {"noise": frontier()})["gap"]
    assert found.mean == pytest.approx(0.0, abs=1e-9)
    assert found.low < 0 < found.high


def test_above_and_below_are_told_apart() -> None:
    both = {"noise": frontier(), "noise-oracle": frontier(score_lost=0.1)}
    found = gaps(place(0.8, 0.4, novelty=0.2), both)
    assert found["gap"].mean == pytest.approx(0.1)
    assert found["gap"].low > 0
    assert found["gap_oracle"].mean == pytest.approx(-0.06)
    assert found["gap_oracle"].high < 0
    # novelty 0.2 is where the spread is 0.4
    assert found["gap_novelty"].mean == pytest.approx(0.1)
    assert found["gap_novelty_oracle"].mean == pytest.approx(-0.06)
    assert {interval.n for interval in found.values()} == {ARCHITECTURES}


def test_beyond_the_frontier_its_end_counts() -> None:
    found = gaps(place(0.6, 0.95), {"noise": frontier()})["gap"]
    assert found.mean == pytest.approx(0.6 - (0.9 - 0.35))
