"""Brief training as the yardstick of cost: better with more steps, its rate chosen, its networks its own."""

import itertools
from pathlib import Path

import pytest

from workbench.evaluation import EvaluationConfig
from workbench.evaluation.brief import RATES, STEPS
from workbench.laboratory import Laboratory
from workbench.zoo import Recipe, ZooConfig


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    real = Recipe(steps=400)
    zoo = ZooConfig(pool=8, networks=4, validation=2, test=4, seeds=2, recipe=Recipe(steps=10), real_recipe=real)
    folder: Path = tmp_path_factory.mktemp("zoo")
    return Laboratory.open(task="digits", data=None, space="mlp", zoo=zoo, folder=folder)


def test_brief_training_approaches_real_training_and_stays_diverse(laboratory: Laboratory) -> None:
    points = laboratory.brief_training(EvaluationConfig(latents=2))
    assert [point.steps for point in points] == list(STEPS)
    assert all(point.learning_rate in RATES and point.milliseconds > 0 for point in points)
    means = [point.fidelity.mean or 0.0 for point in points]
    assert means[0] < 0.95 < means[-1]
    assert min(after - before for before, after in itertools.pairwise(means)) > -0.02
    last = points[-1].collapse
    assert last is not None
    assert (last.mean or 0.0) < 0.5  # independent starts
    assert points[0].fidelity.n == 4
