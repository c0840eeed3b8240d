"""Sparse weights in training and measurement."""

from dataclasses import replace
from statistics import fmean

import pytest
import torch
from small_laboratory import small_laboratory

from generators.mlp import MLPConfig, MLPGenerator
from generators.tokens import LANES
from workbench.evaluation import EvaluationConfig
from workbench.evaluation.sparsity import magnitude_pruned, sparsity_curve, sparsity_of
from workbench.experiment import objectives_of
from workbench.laboratory import Laboratory
from workbench.training import TrainingConfig
from workbench.training.objectives import TaskObjective
from workbench.yardstick import scores_of


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"))


def objective(laboratory: Laboratory, **settings: float) -> TaskObjective:
    return TaskObjective(laboratory.task, laboratory.test.blueprints, TrainingConfig.model_validate(settings))


def test_sparse_networks_are_asked_for_in_training_as_often_and_as_sparse_as_told(laboratory: Laboratory) -> None:
    drawn = objective(laboratory, weights_share=0.25, least_weights=0.01)._weights(20_000)
    sparse = drawn[drawn < 1]
    assert len(sparse) / len(drawn) == pytest.approx(0.25, abs=0.02)
    assert float(sparse.min()) == pytest.approx(0.01, rel=0.05)
    assert float(sparse.median()) == pytest.approx(0.1, rel=0.1)  # log-uniform


def test_without_it_training_is_what_it_was(laboratory: Laboratory) -> None:
    """No random number is drawn, so that older trainings can be repeated."""
    off = objective(laboratory)
    before = off.random.get_state()
    assert bool((off._weights(8) == 1).all())
    assert torch.equal(off.random.get_state(), before)


def test_a_step_on_sparse_networks_moves_the_generator(laboratory: Laboratory) -> None:
    generator = MLPGenerator(MLPConfig(d=8, hidden=16, layers=1)).to(laboratory.device)
    value = objective(laboratory, weights_share=1.0, least_weights=0.05, sparse_share=0.0).loss(generator)
    value.backward()
    assert bool(torch.isfinite(value))
    assert all(p.grad is not None and bool(p.grad.any()) for p in generator.leave.parameters())


def test_pruning_by_weights_keeps_the_asked_share_and_the_greatest(laboratory: Laboratory) -> None:
    real = laboratory.test.networks
    pruned = magnitude_pruned(real, 0.5, "weights")
    counted = real.layout.used[..., LANES:]
    left = (pruned.tokens[..., LANES:] != 0).flatten(1).sum(1)
    assert torch.equal(left, (0.5 * counted.flatten(1).sum(1)).round().long())
    assert torch.equal(pruned.open_neurons, real.open_neurons)
    # the control: as many of the smallest are not worth the same
    gone = real.layout.used & (pruned.tokens == 0)
    gone[..., :LANES] = True
    reverse = replace(real, tokens=torch.where(gone, real.tokens, 0.0))
    test = laboratory.task.test
    assert float((scores_of(pruned, test) - scores_of(reverse, test)).mean()) > 0.3


def test_a_curve_has_neurons_and_weights_apart(laboratory: Laboratory) -> None:
    generator = MLPGenerator(MLPConfig(d=8, hidden=16, layers=1))
    config = EvaluationConfig(latents=2, curve=(0.5,), weights_curve=(1.0, 0.1))
    blueprints = [b for b in laboratory.test.blueprints for _ in range(2)]
    dense = generator.generate(blueprints, range(len(blueprints)))
    points = sparsity_curve(generator, dense, laboratory.test, config)
    assert [(p.kind, p.source) for p in points] == [
        *(("neurons", source) for source in ("generated", "magnitude", "real-magnitude")),
        *(("weights", source) for _ in range(2) for source in ("generated", "magnitude")),
        *(("weights", "real-magnitude") for _ in range(2)),
    ]
    by_weights = [p for p in points if p.kind == "weights"]
    assert all(p.sparsity == 0 for p in (by_weights[0], by_weights[1], by_weights[4]))
    assert all(0.7 < p.sparsity < 0.95 for p in (by_weights[2], by_weights[3], by_weights[5]))
    assert by_weights[4].mean > by_weights[5].mean
    none = EvaluationConfig(latents=2, curve=(0.5,))
    assert sparsity_curve(generator, dense, laboratory.test, none) == points[:3]


def test_figures_are_those_of_networks_as_sparse_as_asked(laboratory: Laboratory) -> None:
    generator = MLPGenerator(MLPConfig(d=8, hidden=16, layers=1))
    dense, sparse = (
        objectives_of(generator, laboratory, EvaluationConfig(latents=2, weights=share))["active_parameters"]
        for share in (1.0, 0.2)
    )
    whole = fmean(blueprint.parameter_count for blueprint in laboratory.validation.blueprints)
    assert dense == whole
    assert 0.2 * whole < sparse < 0.45 * whole, "biases stay"


def test_sparsity_counts_single_zero_weights(laboratory: Laboratory) -> None:
    real = laboratory.test.networks
    shares = [float(sparsity_of(magnitude_pruned(real, w, "weights")).mean()) for w in (1.0, 0.5, 0.1)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.4 < shares[1] < 0.55
