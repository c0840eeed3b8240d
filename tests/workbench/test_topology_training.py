"""Training a topology generator on scores that are known by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from generators.topology import TopologyGenerator
from search_spaces import Architecture, MLPSpace
from search_spaces.operations import flops
from search_spaces.rules import Rules, violations
from workbench.topology import TopologyTraining, advantage, flops_range, train_topology

SPACE = MLPSpace(inputs=6, outputs=3, depths=(1,), widths=tuple(range(2, 12)), norms=("none",))
RULES = Rules.of({"max_parameters": 90})


def tanh_share(architectures: Sequence[Architecture]) -> np.ndarray:
    """The share of hidden layers with a tanh: even choices give a quarter."""
    return np.array([np.mean([node["activation"] == "tanh" for node in one.nodes[1:-1]]) for one in architectures])


def test_it_learns_what_scores_high_and_stays_diverse() -> None:
    training = TopologyTraining(steps=15, architectures=8, learning_rate=5e-2, entropy=0.4)
    trained = train_topology(SPACE, tanh_share, training, d=16, rules=RULES)
    before = tanh_share(TopologyGenerator(trained.generator.config).emit(SPACE, range(60), rules=RULES)).mean()
    found = trained.generator.emit(SPACE, range(60), rules=RULES)
    assert before < 0.4
    assert tanh_share(found).mean() > before + 0.25
    assert len({one.key for one in found}) > 4
    assert not any(violations(one, RULES) for one in found)
    assert len(trained.curve) == 15
    assert trained.seconds > 0


def test_without_the_entropy_term_it_collapses() -> None:
    def few(entropy: float) -> int:
        training = TopologyTraining(steps=15, architectures=8, learning_rate=1e-1, entropy=entropy)
        trained = train_topology(SPACE, tanh_share, training, d=16)
        return len({one.key for one in trained.generator.emit(SPACE, range(60))})

    assert few(0.0) < few(0.9) / 2


def test_same_seed_same_generator() -> None:
    training = TopologyTraining(steps=3, architectures=4, seed=5)
    one, two = (train_topology(SPACE, tanh_share, training, d=8).generator for _ in range(2))
    assert one.emit(SPACE, range(5)) == two.emit(SPACE, range(5))


def test_advantage_by_hand() -> None:
    scores = np.array([0.0, 1.0, 0.5])
    expected = np.array([-0.75, 0.75, 0.0]) / scores.std()
    assert advantage(scores).tolist() == pytest.approx(expected.tolist())
    assert advantage(np.full(4, 0.3)).tolist() == [0, 0, 0, 0]


def test_budgets_are_those_of_random_architectures() -> None:
    low, high = flops_range(SPACE, RULES, 0)
    drawn = [flops(SPACE.sample(np.random.default_rng(seed))) for seed in range(50)]
    assert min(drawn) <= low < high <= max(drawn)
