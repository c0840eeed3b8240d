"""The rule by which trials are given up, on cases whose answer is known."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, create_trial

from sweeps.pruning import Pruning, dominates, judge
from sweeps.repeating import MIDWAY
from workbench.experiment import Midway

PLAN = Pruning(least=4)


def found(loss: float, fidelity: float = 0.5, collapse: float = 0.5, size: float = 100.0) -> Midway:
    return Midway(loss=loss, objectives={"fidelity": fidelity, "collapse": collapse, "active_parameters": size})


def finished(number: int, midway: Midway | None, family: str = "mlp") -> FrozenTrial:
    from optuna.distributions import CategoricalDistribution

    attrs: dict[str, Any] = {} if midway is None else {MIDWAY: {"loss": midway.loss, **midway.objectives}}
    trial = create_trial(
        values=[0.5, 0.5, 100.0],
        params={"family": family},
        distributions={"family": CategoricalDistribution(["mlp", "diffusion"])},
        user_attrs=attrs,
    )
    trial.number = number
    return trial


OTHERS = [finished(i, found(1.0 + i / 10, fidelity=0.8)) for i in range(4)]


def test_worse_than_most_and_dominated_is_given_up() -> None:
    reason = judge(PLAN, found(2.0), OTHERS, "mlp")
    assert reason is not None
    assert "after 33% of its steps its validation loss was 2.000, above 1.225" in reason
    assert "trial 0 was worse in no objective" in reason


def test_what_is_best_in_one_objective_goes_on() -> None:
    assert judge(PLAN, found(2.0, size=50.0), OTHERS, "mlp") is None
    assert judge(PLAN, found(2.0, collapse=0.1), OTHERS, "mlp") is None


def test_a_loss_like_the_others_goes_on() -> None:
    assert judge(PLAN, found(1.2), OTHERS, "mlp") is None


def test_few_trials_other_families_and_trials_without_a_measurement_decide_nothing() -> None:
    assert judge(PLAN, found(9.0), OTHERS[:3], "mlp") is None
    assert judge(PLAN, found(9.0), OTHERS, "diffusion") is None
    assert judge(PLAN, found(9.0), [*OTHERS[:3], finished(9, None)], "mlp") is None


values = st.fixed_dictionaries(dict.fromkeys(("fidelity", "collapse", "active_parameters"), st.integers(0, 3)))


@given(values, values)
def test_domination_is_what_it_says(a: dict[str, float], b: dict[str, float]) -> None:
    better = {"fidelity": a["fidelity"] >= b["fidelity"]}
    better |= {name: a[name] <= b[name] for name in ("collapse", "active_parameters")}
    assert dominates(a, b) == (all(better.values()) and a != b)
    assert not (dominates(a, b) and dominates(b, a))
