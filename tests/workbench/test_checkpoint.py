"""A training that is cut off and goes on ends with the very weights of one that was not."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from small_laboratory import small_laboratory

from generators.saving import generator_digest
from search_spaces import DamagedFile
from workbench.evaluation import EvaluationConfig
from workbench.experiment import Checked, Midway, Outcome, run_family
from workbench.laboratory import Laboratory
from workbench.training import Checkpoint, TrainingConfig

EVALUATION = EvaluationConfig(latents=2, curve=(1.0,), thorough=False)
FAMILIES: dict[str, tuple[Mapping[str, Any], TrainingConfig]] = {
    "mlp": ({}, TrainingConfig(mode="both", steps=6, zoo_steps=5, architectures=3, batch_size=8)),
    "experts by muon": (
        {"experts": 4, "hidden": 16},
        TrainingConfig(steps=11, architectures=3, batch_size=8, optimizer="muon"),
    ),
    "diffusion": (
        {"d": 16, "layers": 1, "steps": 2},
        TrainingConfig(mode="both", steps=6, zoo_steps=5, architectures=3, batch_size=8, zoo_weight=0.3),
    ),
}


class CutOffError(Exception):
    pass


@pytest.fixture(scope="module")
def laboratory(on_processor: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"), test=2, steps=20)


def train(laboratory: Laboratory, family: str, **others: Any) -> Outcome:
    settings, training = FAMILIES[family]
    return run_family(laboratory, family.split()[0], settings, training, EVALUATION, **others)


@pytest.mark.parametrize(
    ("family", "step"), [("mlp", 3), ("mlp", 5), ("experts by muon", 4), ("diffusion", 8), ("diffusion", 11)]
)
def test_it_goes_on_as_if_nothing_had_been(laboratory: Laboratory, family: str, step: int, tmp_path: Path) -> None:
    whole = train(laboratory, family)
    told: list[int] = []

    def cut(phase: str, done: int, steps: int) -> None:
        told.append(done)
        if len(told) == step:
            raise CutOffError

    keep = partial(Checkpoint, tmp_path / "checkpoint", wanted=lambda: True)
    with pytest.raises(CutOffError):
        train(laboratory, family, told=cut, keep=keep)
    torch.manual_seed(99)  # another process has other random streams
    again = train(laboratory, family, told=cut, keep=keep)
    assert len(told) == 11, "no step is taken twice"
    assert generator_digest(again.generator) == generator_digest(whole.generator)
    assert again.objectives == whole.objectives
    assert again.training is not None
    assert whole.training is not None
    assert again.training.curve == whole.training.curve
    assert again.training.steps == whole.training.steps == 11


def test_a_measurement_on_the_way_leaves_no_trace(laboratory: Laboratory) -> None:
    found: list[Midway] = []
    measured = train(laboratory, "diffusion", checked=Checked(at=0.5, judge=found.append))
    assert generator_digest(measured.generator) == generator_digest(train(laboratory, "diffusion").generator)
    assert len(found) == 1
    assert set(found[0].objectives) == {"fidelity", "collapse", "active_parameters"}


def test_the_state_of_another_training_is_not_gone_on_from(laboratory: Laboratory, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(laboratory, "diffusion", keep=partial(Checkpoint, path))
    assert path.exists(), "one is kept at the end of each phase"
    fresh = train(laboratory, "mlp", keep=partial(Checkpoint, path))
    assert generator_digest(fresh.generator) == generator_digest(train(laboratory, "mlp").generator)


def test_an_altered_one_is_never_loaded(laboratory: Laboratory, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(laboratory, "mlp", keep=partial(Checkpoint, path))
    whole = path.read_bytes()
    for place in (0, 70, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedFile, match="altered"):
            Checkpoint(path, "").read()
    anew = train(laboratory, "mlp", keep=partial(Checkpoint, path))
    assert generator_digest(anew.generator) == generator_digest(train(laboratory, "mlp").generator)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFile, match="altered"):
        Checkpoint(path, "").read()
