"""Brief training as the yardstick of cost: better with more steps, its rate chosen, its networks its own."""

import itertools
from collections.abc import Sequence

import pytest
import torch
from small_laboratory import small_laboratory
from torch import Tensor

from generators.generated import Generated
from generators.generator import Condition, Generator
from generators.tokens import BatchLayout
from search_spaces import Blueprint
from workbench.evaluation import EvaluationConfig
from workbench.evaluation.brief import STEPS
from workbench.finishing import RATES
from workbench.laboratory import Laboratory


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"), test=4, steps=400)


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


def test_training_goes_on_from_what_a_generator_emits(laboratory: Laboratory) -> None:
    class Real(Generator):
        """Emits the yardstick's own networks."""

        name = "real"
        kind = "baseline"

        def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
            return torch.zeros(len(seeds), 1)

        def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
            known = {
                blueprint: (part.in_memory(), place)
                for part in (laboratory.zoo.validation, laboratory.zoo.test)
                for place, blueprint in enumerate(part.blueprints)
            }
            return Generated.concatenate([known[b][0].select([known[b][1]]) for b in layout.blueprints])

    evaluation = EvaluationConfig(latents=2)
    (fresh,) = laboratory.brief_training(evaluation, (10,))
    (trained,) = laboratory.brief_training(evaluation, (10,), Real())
    assert (fresh.fidelity.mean or 0) < 0.9
    assert (trained.fidelity.mean or 0) > 0.97
    assert trained.learning_rate == min(RATES)  # the least that it may forget
