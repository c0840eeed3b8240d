"""Which trial of a family is shown."""

from __future__ import annotations

from optuna.trial import FrozenTrial, create_trial

from sweeps.conclusion import TIE, best_of


def trial(fidelity: float, collapse: float) -> FrozenTrial:
    return create_trial(values=[fidelity, collapse, 1000.0])


def test_near_the_top_the_least_collapsed_is_shown() -> None:
    copies, diverse, weak = trial(0.985, 0.9), trial(0.985 - TIE / 2, 0.3), trial(0.9, 0.0)
    assert best_of([copies, diverse, weak]) is diverse


def test_fidelity_beyond_a_tie_decides() -> None:
    faithful, diverse = trial(0.985, 0.9), trial(0.985 - 2 * TIE, 0.0)
    assert best_of([diverse, faithful]) is faithful
