"""A laboratory on a device that is not the processor: nothing that is measured or really trained there stays behind."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from small_laboratory import small_laboratory

from generators.another_device import DEVICE, another_device
from generators.baselines import InitBaseline
from generators.registry import GENERATORS
from workbench import laboratory as opened_by
from workbench.evaluation import EvaluationConfig
from workbench.experiment import run_baseline, run_family, run_finished, run_real
from workbench.laboratory import Laboratory
from workbench.training import TrainingConfig, plan
from workbench.yardstick import Predictions

EVALUATION = EvaluationConfig(latents=2, weights_curve=(0.5,))


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with pytest.MonkeyPatch.context() as patch, another_device():
        patch.setattr(opened_by, "best_device", lambda: DEVICE)
        for module, name in ((torch.cuda, "reset_peak_memory_stats"), (torch.accelerator, "synchronize")):
            patch.setattr(module, name, lambda device: None)
        patch.setattr(torch.cuda, "max_memory_allocated", lambda device: 0)
        yield small_laboratory(tmp_path_factory.mktemp("zoo"), steps=20)


def test_there_is_another_device() -> None:
    with another_device() as device:
        here, there = torch.ones(3), torch.ones(3, device=device)
        assert (there.device, here.to(device).device, there.cpu().device.type) == (device, device, "cpu")
        assert (there.new_zeros(2) + torch.tensor(1.0)).device == device
        layer = torch.nn.Linear(3, 2)
        assert layer.to(device)(there).device == device
        for wrong in (lambda: here + there, lambda: layer(here), lambda: torch.cat([here, there])):
            with pytest.raises(RuntimeError, match="expected tensors of one device"):
                wrong()
        with pytest.raises(TypeError, match="call cpu"):
            there.numpy()
        assert np.array_equal(there.cpu().numpy(), np.ones(3))
    assert (torch.ones(3) + torch.ones(3)).device.type == "cpu"


@pytest.mark.parametrize("family", ["mlp", "experts", "transformer", "diffusion"])
def test_families_are_measured_on_it(laboratory: Laboratory, family: str) -> None:
    own: dict[str, Any] = {"diversity": 1.0} if family == "diffusion" else {}
    training = TrainingConfig(mode="both", steps=1, zoo_steps=1, architectures=2, latents=2, **own)
    outcome = run_family(laboratory, family, {}, training, EVALUATION)
    assert outcome.generator.device == DEVICE
    assert 0 < outcome.summary.metrics["fidelity"].mean < 1.2


@pytest.mark.parametrize("family", ["mlp", "diffusion"])
def test_objectives_follow_the_generator(laboratory: Laboratory, family: str) -> None:
    generator = GENERATORS.load(family)().to(DEVICE)
    training = TrainingConfig(mode="both", steps=1, zoo_steps=1, architectures=2, latents=2)
    task = laboratory.task.to("cpu")
    for phase in plan(generator, training, task, laboratory.zoo.pool, laboratory.zoo.training.to(torch.device("cpu"))):
        for _, objective in phase.objectives:
            objective.place(DEVICE)
            loss = objective.to(DEVICE).loss(generator)
            assert loss.device == DEVICE


@pytest.mark.parametrize("name", ["init", "retrieve", "noise", "average", "gaussian", "pca"])
def test_baselines_and_their_finished_networks_are_measured_on_it(laboratory: Laboratory, name: str) -> None:
    outcome = run_baseline(laboratory, name, {}, EVALUATION)
    assert outcome.generator.device == DEVICE
    row = run_finished(laboratory, outcome.summary, outcome.generator, 10, EVALUATION)
    assert row.metrics["score"].mean > 0


def test_so_are_real_networks_frontiers_and_brief_training(laboratory: Laboratory) -> None:
    assert run_real(laboratory).metrics["score"].mean > 0
    assert len(laboratory.noise_frontier(EVALUATION)) > 2
    assert len(laboratory.brief_training(EVALUATION, [10])) == 1


def test_networks_as_modules_are_where_their_weights_are(laboratory: Laboratory) -> None:
    generator = InitBaseline().to(DEVICE)
    networks = generator.generate(laboratory.test.blueprints, range(3))
    split = laboratory.task.test
    with torch.no_grad():
        found = networks.network(0)(split.x).softmax(-1)
    assert found.device == DEVICE
    expected = Predictions.of(networks, split).probabilities[0]
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-5)
