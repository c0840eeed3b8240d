"""Paired differences: what pairs show that intervals do not, and where there are no pairs."""

from collections.abc import Sequence

import numpy as np
import pytest

from workbench import metrics
from workbench.differences import compare, paired_difference
from workbench.pooling import pooled_generators
from workbench.summary import ArchitectureRow, Estimate, GeneratorSummary, Spend

HARDNESS = np.linspace(0.5, 1.0, 12)


def generator(fidelity: Sequence[float], keys: Sequence[str] | None = None, repeats: int = 1) -> GeneratorSummary:
    """One whose rows have these figures, and an interval over them."""
    keys = keys or [f"k{i}" for i in range(len(fidelity))]
    rows = [
        ArchitectureRow(
            key=key, name=key, parameters=1, score=f, real_score=1.0, fidelity=f, collapse=0.0, max_iou=1.0 - f
        )
        for key, f in zip(keys, fidelity, strict=True)
    ]
    figures = {
        name: Estimate.of(metrics.bootstrap(np.array([getattr(row, name) for row in rows])))
        for name in ("fidelity", "max_iou", "collapse")
    }
    return GeneratorSummary(
        kind="family",
        family="g",
        budget=Spend(steps=1, seconds=1.0),
        metrics=figures,
        architectures=rows,
        repeats=repeats,
    )


def test_pairs_show_what_overlapping_intervals_hide() -> None:
    first, second = generator(HARDNESS + 0.01), generator(HARDNESS)
    own, theirs = first.metrics["fidelity"], second.metrics["fidelity"]
    assert own.low is not None
    assert theirs.high is not None
    assert own.low < theirs.high
    assert compare(first, second, "fidelity") == "better"
    assert compare(second, first, "fidelity") == "worse"
    assert compare(second, first, "max_iou") == "worse"  # it overlaps more with its training networks
    found = paired_difference(first, second, "fidelity")
    assert found is not None
    assert (found.mean, found.n) == (pytest.approx(0.01), 12)


def test_it_is_the_bootstrap_of_the_differences() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 12)
    found = paired_difference(generator(HARDNESS + noise), generator(HARDNESS), "fidelity")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((metrics.bootstrap(noise).low, metrics.bootstrap(noise).high))
    assert compare(generator(HARDNESS + noise), generator(HARDNESS), "fidelity") == "no difference"


def test_a_chance_difference_is_claimed_about_as_often_as_stated() -> None:
    """The control that must fail: equal generators, whose rows differ by noise alone."""
    random = np.random.default_rng(1)
    made = [generator(HARDNESS + random.normal(0, 0.02, 12)) for _ in range(150)]
    claimed = np.mean([compare(made[i], made[i + 1], "fidelity") != "no difference" for i in range(0, 150, 2)])
    assert claimed < 0.2  # .05, and more for percentiles of twelve


@pytest.mark.parametrize("what", ["other keys", "another order", "collapse", "a missing figure", "other repeats"])
def test_without_pairs_intervals_decide(what: str) -> None:
    first, second, metric = generator(HARDNESS + 0.01), generator(HARDNESS), "fidelity"
    if what == "other keys":
        second = generator(HARDNESS, [f"other{i}" for i in range(12)])
    elif what == "another order":
        second = generator(HARDNESS[::-1].copy(), [f"k{i}" for i in reversed(range(12))])
    elif what == "collapse":
        metric = "collapse"
    elif what == "a missing figure":
        second.architectures[3] = second.architectures[3].model_copy(update={"fidelity": None})
    else:
        second = generator(HARDNESS, repeats=2)
    assert paired_difference(first, second, metric) is None
    assert compare(first, second, metric) == "no difference"


def test_repeats_are_pooled_and_not_thrown_together() -> None:
    """A difference that each of two zoos has with another sign is none, however many architectures there are."""
    parts = [generator(HARDNESS + shift) for shift in (0.05, -0.03)]
    bases = [generator(HARDNESS), generator(HARDNESS)]
    ours, theirs = pooled_generators(parts), pooled_generators(bases)
    assert ours.repeats == 2
    found = paired_difference(ours, theirs, "fidelity")
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert found.mean == pytest.approx(0.01)
    assert compare(ours, theirs, "fidelity") == "no difference"
