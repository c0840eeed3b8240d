"""What is measured and learned from a zoo does not depend on whether its networks lie in memory or in a file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from small_laboratory import small_laboratory

from generators import collection as collections
from generators.baselines import NoiseBaseline, NoiseConfig
from generators.collection import Collection
from generators.registry import make_generator
from workbench.evaluation import EvaluationConfig, controls, evaluate
from workbench.laboratory import Laboratory
from workbench.training import TrainingConfig, plan, train_generator
from workbench.yardstick import Yardstick
from workbench.zoo import Zoo

CONFIG = EvaluationConfig(latents=2, curve=(), valid_margin=1.0)
TIMES = ("latency_ms", "latency_single_ms", "peak_mb")


@pytest.fixture(scope="module")
def laboratory(on_processor: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"), test=3, steps=60)


def in_memory(zoo: Zoo) -> Zoo:
    return replace(zoo, training=Collection.of(zoo.training.in_memory(), zoo.training.scores))


def measured(laboratory: Laboratory, zoo: Zoo) -> tuple[Yardstick, Mapping[str, float]]:
    test = Yardstick.of(zoo, zoo.test, laboratory.task.test)
    validity = Yardstick.of(zoo, zoo.test, laboratory.task.validation)
    noise = NoiseBaseline(NoiseConfig(token_width=zoo.config.token_width))
    noise.fit(zoo.training)
    found = evaluate(noise, zoo, test, validity, CONFIG).metrics
    return test, {name: value.mean for name, value in found.items() if name not in TIMES}


def test_every_figure_is_the_same(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    file, memory = laboratory.zoo, in_memory(laboratory.zoo)
    assert file.training.tokens.data_ptr() != memory.training.tokens.data_ptr()
    (yardstick, figures), (other, others) = measured(laboratory, file), measured(laboratory, memory)
    assert {"rho", "max_iou", "gap", "nearest_l2", "copy_share"} <= set(figures)
    assert figures == others
    for name in ("probabilities", "errors", "scores"):
        assert np.array_equal(getattr(yardstick.training, name), getattr(other.training, name))
    monkeypatch.setattr(controls, "KEPT", 0)
    assert measured(laboratory, file)[1] == figures, "adapted again instead of kept"
    monkeypatch.setattr(collections, "PART", 1)
    monkeypatch.setattr(controls, "PART", 1)
    assert len(list(file.training.parts())) == len(file.training) == 4
    assert measured(laboratory, file)[1] == pytest.approx(figures, rel=1e-4, abs=1e-6)
    less = replace(file, training=file.training.some([0, 1, 2]))
    assert measured(laboratory, less)[1] != pytest.approx(figures, rel=1e-4, abs=1e-6), "the control"


@pytest.mark.parametrize(("family", "settings"), [("diffusion", {"d": 16, "layers": 1, "steps": 2}), ("mlp", {})])
def test_a_generator_learns_the_same(laboratory: Laboratory, family: str, settings: Mapping[str, Any]) -> None:
    def learned(zoo: Zoo) -> Mapping[str, torch.Tensor]:
        torch.manual_seed(0)
        generator = make_generator(family, settings)
        config = TrainingConfig(mode="zoo", steps=4, architectures=2, latents=2)
        train_generator(generator, plan(generator, config, laboratory.task, zoo.pool, zoo.training), config)
        return generator.state_dict()

    file, memory = learned(laboratory.zoo), learned(in_memory(laboratory.zoo))
    assert all(torch.equal(file[name], memory[name]) for name in memory)
    less = learned(replace(laboratory.zoo, training=laboratory.zoo.training.some([0, 1])))
    assert not all(torch.equal(less[name], memory[name]) for name in memory), "the control"
