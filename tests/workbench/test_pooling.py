"""Repeats of an experiment as one row."""

import math

import numpy as np
import pytest
from example_summary import example_summary

from workbench.pooling import pooled, pooled_brief, pooled_frontiers, pooled_generators
from workbench.summary import Estimate


def estimate(mean: float, half: float, n: int = 10) -> Estimate:
    return Estimate(mean=mean, low=mean - half, high=mean + half, n=n)


def test_equal_repeats_narrow_the_interval_by_the_root_of_their_number() -> None:
    one = pooled([estimate(0.5, 0.1)])
    four = pooled([estimate(0.5, 0.1)] * 4)
    assert one is not None
    assert four is not None
    assert one.low == pytest.approx(0.4, abs=1e-4)
    assert four.low == pytest.approx(0.45, abs=1e-4)
    assert (one.n, four.n) == (10, 40)


def test_repeats_that_differ_widen_it() -> None:
    found = pooled([estimate(0.4, 0.0), estimate(0.6, 0.0)])
    assert found is not None
    assert found.mean == pytest.approx(0.5)
    assert found.high is not None
    assert found.high - 0.5 == pytest.approx(12.706 * 0.1, rel=1e-3)  # Student's t of one degree, two values 0.2 apart


@pytest.mark.parametrize(("repeats", "apart"), [(2, 0.02), (3, 0.02), (3, 0.1), (5, 0.0)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(repeats: int, apart: float) -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        offsets = rng.normal(0, apart, repeats)  # what repeats differ by
        parts = []
        for offset in offsets:
            values = 0.7 + offset + rng.normal(0, 0.05, 14)  # architectures
            parts.append(estimate(float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(14), 14))
        found = pooled(parts)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.7 <= found.high
    assert covered / 2000 > 0.91  # two repeats know least


def test_an_interval_stays_in_the_range_of_its_figure() -> None:
    found = pooled([estimate(0.1, 0.3), estimate(0.0, 0.3)], 0, 1)
    assert found is not None
    assert found.low == 0


def test_what_was_not_measured_is_left_out_and_nothing_at_all_is_none() -> None:
    missing = Estimate(mean=None, n=0)
    found = pooled([estimate(0.2, 0.1), missing, None])
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert pooled([missing, None]) is None


def test_a_generator_is_judged_by_its_pooled_figures() -> None:
    summary = example_summary()
    noise, diffusion = summary.generators["noise"], summary.generators["diffusion"]
    worse = diffusion.metrics | {"valid": estimate(0.0, 0.0)}
    broken = diffusion.model_copy(update={"metrics": worse, "config": {**diffusion.config, "width": 64}})
    row = pooled_generators([diffusion, broken])
    assert row.mean("valid") == pytest.approx((diffusion.mean("valid") or 0) / 2)
    assert [v.label for v in row.verdict] == ["off-manifold"]
    assert row.config["width"] == [128, 64]
    assert len(row.architectures) == 2 * len(diffusion.architectures)
    assert len(row.sparsity_curve) == len(diffusion.sparsity_curve)
    of_weights = [point.model_copy(update={"kind": "weights"}) for point in diffusion.sparsity_curve]
    both = diffusion.model_copy(update={"sparsity_curve": [*diffusion.sparsity_curve, *of_weights]})
    pooled_kinds = [point.kind for point in pooled_generators([both, both]).sparsity_curve]
    assert pooled_kinds == ["neurons"] * len(of_weights) + ["weights"] * len(of_weights)
    assert pooled_generators([noise]).mean("fidelity") == pytest.approx(noise.mean("fidelity"))


def test_frontier_and_brief_training_of_equal_repeats_are_those_of_one() -> None:
    summary = example_summary()
    assert [p.score for p in pooled_frontiers([summary.frontier] * 3)] == pytest.approx(
        [p.score for p in summary.frontier]
    )
    both = pooled_brief([summary.brief, summary.brief])
    assert [(p.steps, p.milliseconds) for p in both] == [(p.steps, p.milliseconds) for p in summary.brief]
    assert [p.collapse is None for p in both] == [p.collapse is None for p in summary.brief]
