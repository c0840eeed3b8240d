"""Limits on active parameters: what exceeds them is recorded, but not shown where anything keeps them."""

import secrets
from pathlib import Path
from typing import get_args

import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial

from search_spaces import WeightloomError
from sweeps.conclusion import best_of, chosen_of
from sweeps.config import Best, resolve
from sweeps.constraints import Constraints, exceeded
from sweeps.opening import opened
from sweeps.place import Place
from sweeps.status import best_values

LIMITS = Constraints(max_active_parameters=500, max_active_share=0.25)


def trial(fidelity: float, active: float, family: str = "mlp", weights: float = 1.0) -> FrozenTrial:
    params = {"family": family, "weights": weights}
    return create_trial(
        values=[fidelity, 0.5, active],
        params=params,
        distributions={name: CategoricalDistribution([value]) for name, value in params.items()},
        constraints=LIMITS.excess(active, 1000),
    )


def test_the_excess_is_relative_to_each_limit_that_is_set() -> None:
    assert LIMITS.excess(600, 1000) == pytest.approx({"max_active_parameters": 0.2, "max_active_share": 1.4})
    assert Constraints(max_active_share=0.5).excess(500, 1000) == {"max_active_share": 0.0}
    assert Constraints().excess(600, 1000) == {}
    assert exceeded(trial(0.9, 600)) == pytest.approx(1.4)
    assert exceeded(trial(0.9, 200)) == 0
    assert exceeded(create_trial(values=[0.9, 0.5, 1.0])) == 0


def test_of_a_family_the_best_that_keeps_them_is_shown_or_the_nearest() -> None:
    dense, sparse, worse = trial(0.99, 1000), trial(0.95, 240), trial(0.9, 100)
    assert best_of([dense, sparse, worse]) is sparse
    assert best_of([dense, trial(0.8, 300), trial(0.7, 400)]).values[2] == 300


def test_exports_come_from_a_family_that_keeps_them_and_are_as_sparse_as_the_trial() -> None:
    config = resolve("quick")
    trials = [trial(0.99, 1000), trial(0.9, 200, "diffusion", 0.1)]
    for best in get_args(Best):
        chosen = chosen_of(config, trials, best)
        assert (chosen.family, chosen.density, chosen.weights) == ("diffusion", 1.0, 0.1)
        assert chosen_of(config, trials, best, "mlp").family == "mlp"


def test_the_study_knows_them(tmp_path: Path) -> None:
    """Those that exceed a limit are not on Optuna's front, though nothing beats them."""
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.target = 3
        for fidelity, active in ((0.99, 1000), (0.95, 240), (0.9, 100)):
            taken = store.claim(secrets.token_hex(4), lambda other: None)
            assert taken is not None
            objectives = {"fidelity": fidelity, "collapse": 0.5, "active_parameters": active}
            assert store.finish(taken, objectives, LIMITS.excess(active, 1000))
        assert [t.number for t in store.study.best_trials] == [1, 2]
        assert best_values(store.complete())["fidelity"][:2] == (0.95, 1)
        assert exceeded(store.complete()[0]) == pytest.approx(3.0)


def test_mistakes_in_limits_name_the_key() -> None:
    assert resolve("quick", {"constraints.max_active_share": 0.2}).constraints.given == {"max_active_share": 0.2}
    with pytest.raises(WeightloomError, match=r"max_active_share.*less than or equal to 1"):
        resolve("quick", {"constraints.max_active_share": 2})
    with pytest.raises(WeightloomError, match=r"Did you mean 'constraints.max_active_share'"):
        resolve("quick", {"constraints.max_activ_share": 0.2})
    with pytest.raises(WeightloomError, match="weights that differ"):
        resolve("quick", {"weights": [0.1, 0.1]})
