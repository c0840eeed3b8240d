"""Finishing: real training that goes on from what a generator emits, as a generator itself."""

import pytest
import torch
from small_laboratory import small_laboratory

from generators.baselines import InitBaseline
from generators.mlp import MLPGenerator
from workbench.evaluation import EvaluationConfig
from workbench.experiment import run_baseline, run_finished
from workbench.finishing import RATES, Finished
from workbench.laboratory import Laboratory
from workbench.zoo import Recipe


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"))


def test_finished_networks_differ_from_their_start_and_are_the_same_each_time(laboratory: Laboratory) -> None:
    blueprints = laboratory.test.blueprints
    generator = Finished(InitBaseline(), laboratory.task, Recipe(steps=20))
    first, again = (generator.generate(blueprints, range(3)) for _ in range(2))
    assert torch.equal(first.tokens, again.tokens)
    start = InitBaseline().generate(blueprints, range(3))
    assert (first.tokens - start.tokens).abs().mean() > 1e-3
    other = generator.generate(blueprints, range(3, 6))
    assert (first.tokens - other.tokens).abs().mean() > 0.05


def test_closed_neurons_stay_closed(laboratory: Laboratory) -> None:
    start = MLPGenerator()
    generator = Finished(start, laboratory.task, Recipe(steps=20))
    blueprints = laboratory.test.blueprints
    before, after = (g.generate(blueprints, range(3), density=0.5) for g in (start, generator))
    assert float(before.open_neurons.sum()) < float(before.layout.real.sum())
    assert torch.equal(before.open_neurons, after.open_neurons)


def test_zero_weights_of_a_sparse_network_stay_zero_and_no_others(laboratory: Laboratory) -> None:
    start = MLPGenerator()
    generator = Finished(start, laboratory.task, Recipe(steps=20))
    blueprints = laboratory.test.blueprints
    before, after = (g.generate(blueprints, range(3), weights=0.2) for g in (start, generator))
    zero = before.layout.used & (before.tokens == 0)
    assert float(zero.sum() / before.layout.used.sum()) > 0.5
    assert not bool(after.tokens[zero].any())
    assert bool((after.tokens != before.tokens)[before.layout.used & ~zero].all())
    fresh = Finished(InitBaseline(), laboratory.task, Recipe(steps=20)).generate(blueprints, range(3))
    biases = fresh.tokens[..., 0][fresh.layout.used[..., 0]]
    assert float((biases != 0).float().mean()) > 0.9  # zeros that nobody asked for learn


def test_a_finished_row_stands_beside_its_start_with_all_figures(laboratory: Laboratory) -> None:
    evaluation = EvaluationConfig(latents=2, weights_curve=(0.5,))
    outcome = run_baseline(laboratory, "init", {}, evaluation)
    row = run_finished(laboratory, outcome.summary, outcome.generator, 60, evaluation)
    assert (row.family, row.kind) == ("init+60", "baseline")
    assert {point.kind for point in outcome.summary.sparsity_curve} == {"neurons", "weights"}
    assert row.sparsity_curve == []  # those of the start; neither kind is trained for again
    assert row.config["learning_rate"] in RATES
    fidelity, before = row.mean("fidelity"), outcome.summary.mean("fidelity")
    assert fidelity is not None
    assert before is not None
    assert fidelity > 0.8 > before
    assert {"gap", "gap_oracle", "rho", "latency_ms", "shuffled_fidelity"} <= set(row.metrics)
    slow, fast = row.mean("latency_ms"), outcome.summary.mean("latency_ms")
    assert slow is not None
    assert fast is not None
    assert slow > fast  # its steps are paid for at every call
