"""The benchmark's accounts, on searches made up by hand."""

import numpy as np
import pytest

from benchmarks.guided import best_at, report, seconds_until
from search_spaces import MLPSpace
from sweeps.search import Trajectory


def searched(method: str, scores: tuple[float, ...], elapsed: tuple[float, ...]) -> Trajectory:
    return Trajectory(
        method=method,
        seed=0,
        keys=tuple(map(str, range(len(scores)))),
        scores=scores,
        pick=0,
        architecture=MLPSpace(inputs=4, outputs=2).sample(np.random.default_rng(0)),
        final_score=0.5,
        seconds=1.0,
        elapsed=elapsed,
    )


QUICK = searched("guided", (0.9, 0.8, 0.95), (5.0, 6.0, 11.0))
SLOW = searched("random", (0.7, 0.896), (1.0, 8.0))


def test_best_and_seconds_of_one_search() -> None:
    assert [best_at(QUICK, at) for at in (4.9, 5.0, 10.0, 11.0)] == [0.0, 0.9, 0.9, 0.95]
    assert seconds_until(SLOW, 0.75, 10.0) == 8.0
    assert seconds_until(SLOW, 0.99, 10.0) == 10.0
    assert seconds_until(QUICK, 0.95, 10.0) == 10.0, "too late counts as not found"


def test_what_is_found_after_the_budget_does_not_count() -> None:
    found = report({"random": [SLOW, SLOW], "guided": [QUICK, QUICK]}, 10.0)
    assert found["best_known"] == 0.9
    assert found["methods"]["guided"]["found"] == found["methods"]["random"]["found"] == 1.0
    gain = found["seconds_saved_by_guided"]["random"]
    assert (gain["mean"], gain["claimed"]) == (3.0, True)
    regret = found["methods"]["random"]["regret"]
    assert [point["mean"] for point in regret][-1] == pytest.approx(0.004)
    assert regret[0]["mean"] == pytest.approx(0.9)
