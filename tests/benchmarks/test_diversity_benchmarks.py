"""Pieces of the benchmarks of ensembles, stability, few steps and memorisation, on a tiny zoo."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import ensembles, few_steps, memorisation, stability
from benchmarks.parts import Bench
from generators.baselines import NoiseBaseline, NoiseConfig
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from workbench.tasks import load_task
from workbench.yardstick import Predictions

TINY = {
    "zoo.pool": 8,
    "zoo.networks": 6,
    "zoo.validation": 2,
    "zoo.test": 3,
    "zoo.seeds": ensembles.TEN,
    "zoo.recipe.steps": 50,
    "zoo.real_recipe.steps": 200,
    "training.steps": 3,
    "training.zoo_steps": 3,
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    runs: Path = tmp_path_factory.mktemp("runs")
    return Bench.open("quick", TINY, 0, runs)


def test_a_generator_is_trained_once_and_kept(bench: Bench) -> None:
    first, seconds = bench.trained("mlp")
    again, same = bench.trained("mlp")
    assert seconds == same
    blueprints = bench.laboratory.test.blueprints
    assert torch.equal(*(g.generate(blueprints, range(3)).tokens for g in (first, again)))
    other, _ = bench.trained("mlp", {"latent": 8})
    assert other.config != first.config


def test_ten_real_networks_together_are_at_least_as_good_as_one(bench: Bench) -> None:
    test = bench.laboratory.test
    found = ensembles.figures(test.networks, test)
    assert all(len(values) == 3 for values in found.values())
    assert (found["ensemble_score"] >= found["score"]).all()
    assert (found["spread"] > 0).all()
    one = ensembles.figures(test.networks.select([n * 10 for n in range(3) for _ in range(10)]), test)
    assert one["spread"].max() == 0
    assert one["ensemble_score"] == pytest.approx(one["score"])  # ten copies are one network


def test_noise_is_brought_to_the_score_asked_for(bench: Bench) -> None:
    test = bench.laboratory.test
    wanted = float(test.scores.mean()) - 0.05
    noise = NoiseBaseline(NoiseConfig(token_width=bench.laboratory.zoo.config.token_width))
    noise.fit(bench.laboratory.zoo.training)
    got = Predictions.of(ensembles.noise_like(noise, test, wanted, own=True), test.split).scores.mean()
    assert got == pytest.approx(wanted, abs=0.01)


def test_a_way_between_latents_keeps_their_variance_and_ends_where_it_should(bench: Bench) -> None:
    a, b = torch.randn(2, 100_000, generator=torch.Generator().manual_seed(0))
    assert float(stability.spherical(a, b, 0.5).std()) == pytest.approx(1.0, abs=0.02)
    assert torch.allclose(stability.spherical(a, b, 1.0), b, atol=1e-5)
    test = bench.laboratory.test
    noise = NoiseBaseline(NoiseConfig(sigma=0.1))
    noise.fit(bench.laboratory.zoo.training)
    found = stability.described(stability.path(noise, test), test)
    assert found["distance"][0] == pytest.approx(0, abs=1e-3)  # the root of rounding errors
    assert (found["steepest"] >= found["mean_slope"]).all()
    still = noise.with_sigma(0.0)
    assert stability.described(stability.path(still, test), test)["steepest"].max() < 0.01  # nothing moves


def test_a_denoiser_is_sampled_with_as_many_evaluations_as_asked_for(bench: Bench) -> None:
    generator = DiffusionGenerator(DiffusionConfig(d=16, layers=1, steps=3))
    blueprints = bench.laboratory.test.blueprints
    assert few_steps.at(generator, 8).evaluations == 8
    own, same, other = (few_steps.at(generator, n).generate(blueprints, range(3)).tokens for n in (3, 3, 8))
    assert torch.equal(own, generator.generate(blueprints, range(3)).tokens)
    assert torch.equal(own, same)
    assert not torch.allclose(own, other)


def test_the_zoo_of_one_architecture_has_one_start_and_differing_networks() -> None:
    task = load_task("digits", None)
    blueprint = memorisation.blueprint_of(task)
    assert blueprint.parameter_count == 1210
    zoo = memorisation.trained_zoo(task, 0, 4)
    assert len(zoo.training) == 4
    assert len(zoo.test) == 2 * memorisation.HELD_OUT
    tokens = zoo.training.tokens
    near = (tokens[0] - tokens[1]).norm() / tokens[0].norm()
    assert 0.05 < float(near) < 1.0  # independent starts would be about 1.4 apart
    assert len(memorisation.first_of(zoo, 2).training) == 2
    assert np.isfinite(zoo.test.scores.numpy()).all()
