from pathlib import Path

import pytest

from search_spaces import UnknownName, WeightloomError
from sweeps import describe_preset, preset_names, read_preset
from sweeps.config import SweepConfig, checked, resolve
from sweeps.reading import parse

BAD = [
    ({"zoo.tset": 8}, "unknown key 'zoo.tset'. Did you mean 'zoo.test'?"),
    ({"trails": 8}, "unknown key 'trails'. Did you mean 'trials'?"),
    ({"zoo.recipe.step": 8}, "Did you mean 'zoo.recipe.steps'?"),
    ({"families.mlp.mode": "task"}, "Did you mean 'families.0.modes'?"),
    ({"exports.format": []}, "Did you mean 'exports.formats'?"),
    ({"space_settings": {"width": [8]}}, "unknown argument of space mlp 'width'. Did you mean 'widths'?"),
    ({"trials": "many"}, "key 'trials': expected a valid integer, unable to parse string as an integer"),
    ({"trials": 0}, "key 'trials': expected greater than or equal to 1, got 0"),
    ({"trials": 1.5}, "key 'trials': expected a valid integer"),
    ({"zoo.seed": True}, "key 'zoo.seed': expected a number, got True"),
    ({"densities": [True]}, "key 'densities.0': expected a number, got True"),
    ({"training.learning_rate": -1}, "key 'training.learning_rate': expected greater than 0, got -1"),
    ({"zoo.test": 1}, "key 'zoo.test': expected greater than or equal to 2"),
    ({"densities": []}, "key 'densities'"),
    ({"densities": [1.5]}, "key 'densities.0': expected less than or equal to 1"),
    ({"densities": [1.0, 1.0]}, "densities that differ"),
    ({"learning_rates": [0.01, 0.001]}, "learning_rates with the lower first"),
    ({"learning_rates": [0.0025, 0.003]}, "key 'training.learning_rate': expected a number within"),
    ({"name": "../x"}, "key 'name'"),
    ({"tracker": "wandbb"}, "key 'tracker': expected 'wandb' or 'none', got 'wandbb'"),
    ({"task": "digit"}, "unknown task 'digit'. Did you mean 'digits'?"),
    ({"space": "mpl"}, "unknown space 'mpl'. Did you mean 'mlp'?"),
    ({"baselines": ["nois"]}, "unknown baseline 'nois'. Did you mean 'noise'?"),
    ({"baselines": ["mlp"]}, "unknown baseline 'mlp'"),
    ({"families": [{"family": "difusion"}]}, "unknown family 'difusion'. Did you mean 'diffusion'?"),
    ({"families": [{"family": "noise"}]}, "unknown family 'noise'"),
    ({"families": []}, "key 'families'"),
    ({"families": [{"family": "mlp"}, {"family": "mlp"}]}, "families that differ"),
    ({"families.mlp.modes": ["tasks"]}, "key 'families.0.modes.0': expected 'task', 'zoo' or 'both'"),
    ({"families.mlp.settings.hiden": 3}, "Did you mean 'hidden'?"),
    ({"families.mlp.settings.hidden": 3}, "hidden must be greater than or equal to 8, got 3"),
    ({"families.mlp.training.step": 3}, "unknown key 'families.mlp.training.step'"),
    ({"families.mlp.training.steps": 0}, "key 'families.mlp.training.steps': expected greater than"),
    ({"families.mlp.training.mode": "zoo"}, "set families.mlp.modes"),
    ({"families.mlp.first.hiden": 3}, "unknown key of families.mlp.first 'hiden'. Did you mean 'hidden'?"),
    ({"families.mlp.first.hidden": 7}, "key 'families.mlp.first.hidden': expected one of 192, 256, 384"),
    ({"families.mlp.first.mode": "zoo"}, "key 'families.mlp.first.mode': expected one of task, got 'zoo'"),
    ({"families.mlp.first.learning_rate": 0.5}, "first.learning_rate': expected a number from 0.0003 to"),
    ({"families.mlp.first.density": 0.5}, "first.density': expected one of 1.0, got 0.5"),
]


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_described(name: str) -> None:
    config = resolve(name)
    assert config.name == name
    three = {"mlp", "transformer", "diffusion"}
    four = three | {"experts"}
    other = dict.fromkeys(("demo", "long", "conv", "attention"), four) | {"mnist1d": {"mlp", "experts"}}
    assert {plan.family for plan in config.families} == other.get(name, three)
    assert set(config.baselines) == {"init", "retrieve", "noise", "average", "gaussian", "pca"}
    assert len(describe_preset(name)) > 20
    assert not describe_preset(name).startswith("#")


def test_demo_and_quick_are_shipped() -> None:
    assert {"demo", "quick"} <= set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_what_is_printed_is_read_back(name: str) -> None:
    config = resolve(name, {"training.steps": 7})
    assert checked(parse(config.to_yaml(), "text"), SweepConfig) == config


def test_a_file_serves_as_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(resolve("quick", {"seed": 3}).to_yaml())
    assert resolve(str(path)) == resolve("quick", {"seed": 3})
    assert resolve(str(path), {"seed": 4}).seed == 4


def test_overrides_are_typed() -> None:
    config = resolve("quick", {"zoo.test": 8, "training.steps": "100", "evaluation.curve": [1.0], "threads": 2})
    assert (config.zoo.test, config.training.steps, config.evaluation.curve) == (8, 100, (1.0,))
    assert config.threads == 2
    assert config.zoo.networks == resolve("quick").zoo.networks, "other keys of the section stay"


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _, message in BAD])
def test_mistakes_name_key_and_what_is_allowed(changes: dict[str, object], message: str) -> None:
    with pytest.raises(WeightloomError) as error:
        resolve("quick", changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'demo'"):
        read_preset("dmeo")
    with pytest.raises(WeightloomError, match=r"nothing\.yaml"):
        read_preset("nothing.yaml")


def test_every_field_is_described() -> None:
    for model in (SweepConfig, *(type(getattr(SweepConfig(), key)) for key in ("exports",))):
        for key, field in model.model_fields.items():
            assert field.description, key


def test_a_family_changes_its_own_training_only() -> None:
    config = resolve("quick", {"families.mlp.training.steps": 11})
    assert config.training_of("mlp").steps == 11
    assert config.training_of("transformer").steps == config.training.steps == 40
