from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.metrics import (
    METRICS,
    Thresholds,
    collapse,
    distance_to_mean_ratio,
    hellinger,
    max_iou,
    rho,
    spread,
    verdict,
)

GOOD = {
    "valid": 0.9,
    "rho_function": 0.9,
    "max_iou": 0.6,
    "max_iou_real": 0.8,
    "collapse": 0.1,
    "distance_to_mean_ratio": 0.95,
}


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({}, "novel"),
        ({"valid": 0.49}, "off-manifold"),
        ({"rho_function": 0.49}, "copy"),
        ({"max_iou": 0.86}, "copy"),
        ({"distance_to_mean_ratio": 0.49}, "contraction"),
        ({"collapse": 0.51}, "collapsed"),
    ],
)
def test_each_rule_by_itself(change, label):
    found = verdict({**GOOD, **change})
    assert found.labels == (label,)
    assert len(found.reasons) == 1
    for name, value in change.items():
        assert name in found.reasons[0]
        assert str(value) in found.reasons[0]


@pytest.mark.parametrize("change", [{"valid": 0.5}, {"rho_function": 0.5}, {"max_iou": 0.85}, {"collapse": 0.5}])
def test_a_figure_at_its_threshold_passes(change):
    assert verdict({**GOOD, **change}).labels == ("novel",)


def test_shared_mistakes_are_no_copying_as_far_from_training_networks_as_real_ones_are():
    overlapping = {**GOOD, "max_iou": 0.99}
    assert verdict({**overlapping, "rho_function": 0.99}).labels == ("copy",)
    assert verdict({**overlapping, "rho_function": 1.0}).labels == ("novel",)
    assert verdict({key: value for key, value in overlapping.items() if key != "rho_function"}).labels == ("copy",)


def test_one_label_with_two_proofs_and_several_labels():
    found = verdict({**GOOD, "rho_function": 0.1, "max_iou": 1.0, "collapse": 0.9})
    assert found.labels == ("copy", "collapsed")
    assert [reason.split(":")[0] for reason in found.reasons] == ["copy", "copy", "collapsed"]


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_novel_must_be_earned_with_every_figure(name, value):
    found = verdict({**GOOD, name: value})
    assert found == verdict({key: kept for key, kept in GOOD.items() if key != name})
    assert found.labels == ()
    assert found.reasons == (f"Not judged for {found.reasons[0].split()[3][:-1]}: the figure {name} is missing.",)


def test_thresholds_move_the_line_and_are_frozen():
    assert verdict(GOOD, Thresholds(collapse=0.05)).labels == ("collapsed",)
    assert verdict({**GOOD, "max_iou": 0.86}, Thresholds(max_iou_margin=0.1)).labels == ("novel",)
    with pytest.raises(FrozenInstanceError):
        Thresholds().valid = 0.1


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.floats(allow_nan=True), max_size=6))
def test_novel_stands_alone_and_broken_ends_it(figures):
    found = verdict(figures)
    assert len(set(found.labels)) == len(found.labels)
    assert found.reasons
    for alone in ("novel", "off-manifold"):
        assert alone not in found.labels or found.labels == (alone,)
    assert ("novel" in found.labels) <= (set(figures) == set(GOOD))


def test_figures_are_in_the_table():
    assert set(GOOD) <= set(METRICS)


def test_each_kind_of_generator_gets_the_verdict_it_deserves(train, wrong, labels):
    """From predictions to verdict: real networks are novel, and the four cheats are caught."""
    training, heldout = train(40, 1), train(20, 2)
    margin = np.mean(~wrong(heldout)) - 0.15

    def judge(networks):
        valid = np.mean(~wrong(networks), axis=1) >= margin
        gated = networks[valid] if valid.sum() > 1 else networks
        return verdict(
            {
                "valid": float(valid.mean()),
                "rho_function": rho(hellinger(gated, training), hellinger(heldout, training)),
                "max_iou": float(max_iou(wrong(gated), wrong(training)).mean()),
                "max_iou_real": float(max_iou(wrong(heldout), wrong(training)).mean()),
                "collapse": collapse(spread(wrong(gated)), spread(wrong(heldout))),
                "distance_to_mean_ratio": distance_to_mean_ratio(gated, heldout, training),
            }
        ).labels

    assert judge(train(20, 3)) == ("novel",)
    assert judge(training[:20]) == ("copy",)
    assert judge(np.repeat(train(1, 4), 20, axis=0)) == ("collapsed",)
    averages = np.stack([training[np.random.default_rng(s).permutation(40)[:16]].mean(axis=0) for s in range(20)])
    assert "contraction" in judge(averages)
    assert "novel" not in judge(averages)
    broken = np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=(20, len(labels)))
    assert judge(broken) == ("off-manifold",)
