import optuna
import pytest
from optuna.trial import FixedTrial

from sweeps.config import resolve
from sweeps.proposal import first_parameters, propose

FAMILIES = ("mlp", "transformer", "diffusion")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.parametrize("family", FAMILIES)
def test_first_trials_are_what_the_plan_says(family: str) -> None:
    first = {"learning_rate": 0.002, "density": 0.7, "weights": 0.1}
    config = resolve("demo", {f"families.{family}.first": first, "densities": [1.0, 0.7], "weights": [1.0, 0.1]})
    proposal = propose(config, FixedTrial(first_parameters(config, family)))
    assert proposal.family == family
    assert proposal.training.learning_rate == 0.002
    assert proposal.density == 0.7
    assert proposal.weights == 0.1
    measured = proposal.measured(config.evaluation)
    assert (measured.density, measured.weights, measured.latents) == (0.7, 0.1, config.evaluation.latents)
    assert proposal.training.mode in (config.plan(family).modes or ("task", "zoo", "both"))


def test_what_first_leaves_out_has_its_default() -> None:
    config = resolve("quick")
    parameters = first_parameters(config, "mlp")
    assert parameters["mlp.hidden"] == 256
    assert parameters["mlp.latent"] == 32
    assert parameters["mlp.learning_rate"] == config.training.learning_rate


def test_what_is_fixed_is_not_asked() -> None:
    config = resolve("quick", {"families.mlp.settings.hidden": 64, "families.mlp.training.learning_rate": 0.5})
    parameters = first_parameters(config, "mlp")
    assert set(parameters) == {"family", "mlp.mode", "density", "weights", "mlp.latent"}
    proposal = propose(config, FixedTrial(parameters))
    assert proposal.settings["hidden"] == 64
    assert proposal.training.learning_rate == 0.5
    assert "learning_rate" in str(first_parameters(resolve("quick"), "mlp"))
    none = resolve("quick", {"learning_rates": None, "training.learning_rate": 0.9})
    assert propose(none, FixedTrial(first_parameters(none, "mlp"))).training.learning_rate == 0.9


def test_a_study_meets_every_family_and_stays_within_what_is_allowed() -> None:
    config = resolve("demo", {"weights": [1.0, 0.3, 0.1]})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), directions=["maximize", "minimize"])
    seen, shares = set(), set()
    for _ in range(30):
        trial = study.ask()
        proposal = propose(config, trial)
        seen.add(proposal.family)
        shares.add(proposal.weights)
        assert all(name in ("density", "weights", "family") or "." in name for name in trial.params)
        assert config.learning_rates is not None
        own = config.plan(proposal.family).training.get("learning_rate")
        low, high = (own, own) if own else config.learning_rates
        assert low <= proposal.training.learning_rate <= high
        assert proposal.density in config.densities
        assert "token_width" not in proposal.settings
        study.tell(trial, [0.0, 0.0])
    assert seen == {plan.family for plan in config.families}
    assert shares == set(config.weights)
