"""The topology generator: valid whatever it learned, decided by latent and budget alone, its chances exact."""

import itertools
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.topology import (
    TopologyConfig,
    TopologyGenerator,
    budget,
    load_topology,
    save_topology,
    topology_digest,
)
from search_spaces import SPACES, DamagedFile, MLPSpace, SearchSpace, WeightloomError, choices
from search_spaces.dag import DagSpace
from search_spaces.operations import flops
from search_spaces.rules import Emission, Rules, violations

SMALL = MLPSpace(inputs=5, outputs=3, depths=(0, 1, 2), widths=(2, 4), activations=("relu",), norms=("none",))
DAG = DagSpace(inputs=64, shape=(1, 8, 8))
RULES = Rules.of({"forbid": "attention before stage 2", "max_depth": 8})


def generator(spread: float = 1.0, seed: int = 0) -> TopologyGenerator:
    """As if it had learned something: far from even chances."""
    torch.manual_seed(seed)
    made = TopologyGenerator(TopologyConfig(d=8, least_flops=1e3, most_flops=1e6))
    torch.nn.init.normal_(made.leave.weight, std=spread)
    return made.eval()


@pytest.mark.parametrize("name", SPACES.names())
def test_every_space(name: str) -> None:
    shape = (8, 8) if SPACES.load(name).ranks == (2,) else (1, 8, 8)
    space: SearchSpace = SPACES.load(name)(inputs=64, outputs=4, shape=shape)
    for one in generator().emit(space, range(4)):
        space.validate(one)


def test_rules_and_budget_hold_whatever_was_learned() -> None:
    for seed in range(2):
        for most in (2e5, 1e6):
            for one in generator(4.0, seed).emit(DAG, range(4), most, RULES):
                DAG.validate(one)
                assert violations(one, budget(RULES, most)) == []
                assert flops(one) <= most
    free = TopologyGenerator().emit(DAG, range(40))
    assert any(violations(one, budget(RULES, 2e5)) for one in free)


def test_a_batch_is_as_one_by_one_and_the_seed_decides() -> None:
    made = generator(0.3)
    together = made.emit(DAG, range(6), 1e6, RULES)
    assert [made.emit(DAG, [seed], 1e6, RULES)[0] for seed in range(6)] == together
    assert len({one.key for one in together}) == 6
    assert made.emit(DAG, [2**62], 1e6, RULES) == made.emit(DAG, [2**62], 1e6, RULES)


def test_untrained_ones_differ_from_latent_to_latent() -> None:
    assert len({one.key for one in TopologyGenerator().emit(DAG, range(200))}) >= 180


def test_chances_add_up_to_one_and_are_those_of_the_samples() -> None:
    made, count = generator(0.6), 2000
    walked = made.walked(Emission(SMALL, Rules()), range(count), None)
    chance, _ = made.distribution([steps for _, steps in walked], [None] * count)
    by_key = {one.key: float(c.exp()) for (one, _), c in zip(walked, chance.detach(), strict=True)}
    total = len({SMALL.from_genome(genome).key for genome in choices.genomes(SMALL.tree)})
    assert len(by_key) == total
    assert sum(by_key.values()) == pytest.approx(1, abs=1e-4)
    assert max(by_key.values()) > 2 / total
    for key, times in Counter(one.key for one, _ in walked).items():
        assert times / count == pytest.approx(by_key[key], abs=4 * math.sqrt(by_key[key] / count))


def test_entropy_of_even_chances_by_hand() -> None:
    walked = TopologyGenerator().walked(Emission(SMALL, Rules()), range(20), None)
    steps = [own for _, own in walked]
    chance, entropy = TopologyGenerator().distribution(steps, [None] * 20)
    expected = [sum(math.log(len(choice.options)) for choice in own.choices) for own in steps]
    assert entropy.tolist() == pytest.approx(expected, abs=1e-5)
    assert (-chance).tolist() == pytest.approx(expected, abs=1e-5)


def test_the_budget_is_heard_and_gradients_flow() -> None:
    made = generator()
    steps = [own for _, own in made.walked(Emission(DAG, RULES), range(3), 1e4)]
    low, _ = made.distribution(steps, [1e3] * 3)
    high, _ = made.distribution(steps, [1e6] * 3)
    assert not torch.allclose(low, high)
    high.sum().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in made.parameters())


def test_options_that_rules_cut_have_no_chance() -> None:
    rules = Rules.of({"max_depth": 1})
    walked = generator().walked(Emission(SMALL, rules), range(30), None)
    allowed = itertools.chain.from_iterable(zip(own.choices, own.allowed, strict=True) for _, own in walked)
    offered = {choice.name: set(free) for choice, free in allowed if choice.name == "depth"}
    assert {len(one.nodes) for one, _ in walked} == {2}
    assert 0 in offered["depth"]


def test_folder_round_trip_and_damage(tmp_path: Path) -> None:
    made = generator()
    folder = save_topology(made, tmp_path / "topology")
    again = load_topology(folder)
    assert topology_digest(again) == topology_digest(made) != topology_digest(generator(seed=1))
    assert again.config == made.config
    assert again.emit(DAG, range(3), 1e6) == made.emit(DAG, range(3), 1e6)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(DamagedFile, match="sha256"):
        load_topology(folder)
    (folder / "config.json").write_text((folder / "config.json").read_text().replace('"d": 8', '"d": 9'))
    with pytest.raises(DamagedFile, match="altered"):
        load_topology(folder)


def test_another_process_emits_the_same(tmp_path: Path) -> None:
    folder = save_topology(generator(), tmp_path)
    expected = [one.key for one in load_topology(folder).emit(DAG, range(3), 1e6, RULES)]
    code = (
        "import sys; from generators.topology import load_topology; from search_spaces.dag import DagSpace;"
        "from search_spaces.rules import Rules;"
        "rules = Rules.of({'forbid': 'attention before stage 2', 'max_depth': 8});"
        "space = DagSpace(inputs=64, shape=(1, 8, 8));"
        "print(*[one.key for one in load_topology(sys.argv[1]).emit(space, range(3), 1e6, rules)])"
    )
    found = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert found.stdout.split() == expected


def test_mistakes() -> None:
    with pytest.raises(WeightloomError, match="least_flops of at most most_flops"):
        TopologyGenerator(TopologyConfig(least_flops=10.0, most_flops=1.0))
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(WeightloomError, match="a budget of at least 1 FLOP"):
            generator().emit(SMALL, [0], wrong)
    with pytest.raises(WeightloomError, match="there is none"):
        generator().emit(SMALL, [0], 3.0)
    assert np.isfinite(flops(generator().emit(SMALL, [0], 31.0)[0]))
