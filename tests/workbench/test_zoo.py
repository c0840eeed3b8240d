"""Zoos of all kinds: what is in them, and that they come back from disk as they were."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from generators.tokens import WeightTokenizer
from search_spaces import SPACES, DamagedFile
from workbench.tasks import load_task
from workbench.yardstick import scores_of
from workbench.zoo import CHECKPOINTS, Kind, Recipe, Zoo, ZooConfig, open_zoo, train_sorted

BRIEF = Recipe(steps=40, check_every=20)


def config(kind: Kind, networks: int) -> ZooConfig:
    """A zoo of seconds."""
    return ZooConfig(
        kind=kind, pool=24, networks=networks, validation=2, test=2, seeds=2, recipe=BRIEF, real_recipe=BRIEF
    )


def made(kind: Kind, networks: int, folder: Path) -> Zoo:
    task = load_task("digits")
    space = SPACES.load("mlp")(inputs=task.inputs, outputs=task.classes)
    return open_zoo(task, space, config(kind, networks), folder)


@pytest.mark.parametrize("kind", ["shared-base", "independent", "trajectory"])
def test_a_zoo_comes_back_from_disk_bit_for_bit(kind: Kind, tmp_path: Path) -> None:
    first, again = made(kind, 16, tmp_path), made(kind, 16, tmp_path)
    assert again.pool == first.pool
    for part in ("training", "validation", "test"):
        a, b = getattr(first, part), getattr(again, part)
        assert a.blueprints == b.blueprints
        assert torch.equal(a.tokens, b.tokens)
        assert torch.equal(a.open_neurons, b.open_neurons)
        assert torch.equal(a.scores, b.scores)
    assert {b.key for b in first.pool}.isdisjoint(b.key for b in first.test.blueprints)


def test_a_trajectory_is_one_training_seen_at_several_steps(tmp_path: Path) -> None:
    zoo = made("trajectory", 3 * CHECKPOINTS, tmp_path)
    blueprints = zoo.training.blueprints
    assert blueprints == tuple(b for b in zoo.pool[:3] for _ in range(CHECKPOINTS))
    tokens = zoo.training.tokens.reshape(3, CHECKPOINTS, -1)
    steps = (tokens[:, 1:] - tokens[:, :-1]).norm(dim=-1)
    whole = (tokens[:, -1] - tokens[:, 0]).norm(dim=-1)
    assert (steps > 0).all()
    assert (steps < whole[:, None]).all()  # neighbours are closer than the ends
    task = load_task("digits")
    measured = torch.as_tensor(scores_of(zoo.training.in_memory(), task.validation)).float()
    torch.testing.assert_close(zoo.training.scores, measured, atol=1e-6, rtol=0)


def test_the_last_checkpoint_is_where_training_ends(tmp_path: Path) -> None:
    task = load_task("digits")
    zoo = made("trajectory", CHECKPOINTS, tmp_path)
    blueprint = zoo.pool[0]
    often = Recipe(steps=40, check_every=40)  # looks only at the end, so that the best step is the last
    trail = train_sorted(task, WeightTokenizer(), [blueprint], [5], often, checkpoints=4)
    alone = train_sorted(task, WeightTokenizer(), [blueprint], [5], often)
    assert torch.equal(trail.networks.tokens[-1], alone.networks.tokens[0])
    assert not torch.equal(trail.networks.tokens[0], alone.networks.tokens[0])


def test_some_networks_are_trained_for_twice_as_long_from_the_same_start(tmp_path: Path) -> None:
    task, zoo = load_task("digits"), made("independent", 8, tmp_path)
    blueprints = [zoo.test.blueprints[row] for row in (0, 2)]  # the first of two networks of either architecture
    once = scores_of(zoo.test.select([0, 2]), task.test)
    longer = Recipe(steps=2 * BRIEF.steps, check_every=20)
    twice = train_sorted(task, WeightTokenizer(), blueprints, [1_000_000, 1_000_002], longer).networks
    wanted = torch.tensor(list(zip(once, scores_of(twice, task.test), strict=True)))
    torch.testing.assert_close(torch.tensor(zoo.doubled, dtype=wanted.dtype), wanted, atol=1e-6, rtol=0)
    assert made("independent", 8, tmp_path).doubled == zoo.doubled
    assert open_zoo(task, SPACES.load("mlp")(inputs=64, outputs=10), without(zoo.config), tmp_path).doubled == ()


def without(known: ZooConfig) -> ZooConfig:
    return known.model_copy(update={"doubled": 0})


def test_shared_base_networks_start_from_one_tensor_and_stay_closer(tmp_path: Path) -> None:
    def spread(zoo: Zoo) -> float:
        networks = zoo.training
        first = networks.tokens[:, :8, 3:43]  # 8 neurons that every architecture has, in units of its first layer
        return float(first.std(0).mean())

    assert spread(made("shared-base", 16, tmp_path)) < 0.9 * spread(made("independent", 16, tmp_path))


def test_a_trajectory_zoo_asks_for_whole_trainings() -> None:
    with pytest.raises(ValidationError, match=f"a multiple of {CHECKPOINTS} for a trajectory zoo, not 12"):
        config("trajectory", 12)


def test_an_altered_zoo_is_refused(tmp_path: Path) -> None:
    made("trajectory", CHECKPOINTS, tmp_path)
    file = next(tmp_path.glob("*/networks.safetensors"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedFile, match="does not match the checksum"):
        made("trajectory", CHECKPOINTS, tmp_path)
