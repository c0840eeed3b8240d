"""Relaxations beyond the contract: what is relaxed, that gates matter, and that the whole graph is the space's own."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces import SPACES, Architecture, MLPSpace, SearchSpace
from search_spaces.cell import CellSpace
from search_spaces.conv import Conv1dSpace, Conv2dSpace
from search_spaces.macro import MacroSpace
from search_spaces.network import GraphNetwork
from search_spaces.relaxation import Relaxable, discrete, one_hot, used

SEQUENCE: dict[str, Any] = {"inputs": 16, "outputs": 3, "shape": (1, 16)}
IMAGE: dict[str, Any] = {"inputs": 36, "outputs": 3, "shape": (1, 6, 6)}
CASES = [
    (CellSpace(**SEQUENCE, channels=4), {"edge"}),
    (CellSpace(**IMAGE, channels=4, stages=2, cells=2), {"edge"}),
    (MacroSpace(**SEQUENCE), {"block"}),
    (Conv1dSpace(**SEQUENCE), {"kernel", "squeeze", "residual"}),
    (Conv2dSpace(**IMAGE), {"kernel", "squeeze", "residual"}),
    (MLPSpace(**SEQUENCE), {"activation", "skip"}),
    (MLPSpace(**SEQUENCE, units=("dense", "gated"), wirings=("residual", "dense", "skips")), {"activation", "skip"}),
]
IDS = [f"{space.name}-{len(space.shape)}-{place}" for place, (space, _) in enumerate(CASES)]


@pytest.fixture(params=CASES, ids=IDS)
def case(request: pytest.FixtureRequest) -> tuple[SearchSpace, set[str]]:
    return request.param


def plain(architecture: Architecture) -> str:
    """The key with all wires fixed, as what a generator may close is no part of what is computed."""
    edges = tuple(dataclasses.replace(edge, optional=False) for edge in architecture.edges)
    return dataclasses.replace(architecture, edges=edges).key


def test_what_is_cut_out_is_the_graph_of_the_space(case: tuple[SearchSpace, set[str]]) -> None:
    """By the canonical key, for other options than those of the genome that was relaxed."""
    space, genes = case
    assert isinstance(space, Relaxable)
    rng = np.random.default_rng(3)
    seen: set[str] = set()
    for _ in range(6):
        relaxation = space.relax(space.genome(space.sample(rng)))
        seen |= {choice.name.rpartition("_")[0].split("_")[0] for choice in relaxation.choices}
        picked = {c.name: c.options[int(rng.integers(len(c.options)))] for c in relaxation.choices}
        architecture = space.from_genome(relaxation.genome(picked))
        assert plain(discrete(relaxation, space.genome(architecture))) == plain(architecture)
    assert seen == genes


def test_each_gene_has_an_effect(case: tuple[SearchSpace, set[str]]) -> None:
    """Gates of another genome give other outputs wherever the graphs differ."""
    space, _ = case
    assert isinstance(space, Relaxable)
    rng = np.random.default_rng(4)
    torch.manual_seed(0)
    x = torch.randn(4, space.inputs)
    compared = 0
    for _ in range(2):
        genome = space.genome(space.sample(rng))
        relaxation = space.relax(genome)
        network = GraphNetwork(relaxation.architecture)
        for choice in relaxation.choices:
            changed = genome | {choice.name: choice.options[choice.options.index(genome[choice.name]) - 1]}
            if discrete(relaxation, changed) == discrete(relaxation, genome):
                continue
            one, two = (
                network(x, None, torch.tensor([float(gate(one_hot(g))) for gate in relaxation.gates]))
                for g in (genome, changed)
            )
            assert not torch.allclose(one, two, rtol=1e-5, atol=1e-7), f"{choice.name} of {genome}"
            compared += 1
    assert compared >= 3


def test_between_corners_gates_and_use_are_chances() -> None:
    """A cell with even chances: a wire is open with the chance of its operation and of its source being reached."""
    relaxation = CellSpace(**SEQUENCE, stages=1).relax({})
    gates = [float(gate(lambda gene, *options: 0.2 * len(options))) for gate in relaxation.gates]
    by_wire = dict(zip(((e.source, e.target) for e in relaxation.architecture.optional_edges), gates, strict=True))
    assert by_wire["cell0_0_1__nor_conv_3x3", "cell0_node1"] == pytest.approx(0.2)
    assert by_wire["cell0_1_2__nor_conv_3x3", "cell0_node2"] == pytest.approx(0.2 * 0.8)
    node_2 = 1 - 0.2 * (1 - 0.8 * 0.8)
    assert by_wire["cell0_2_3__nor_conv_1x1", "cell0_node3"] == pytest.approx(0.2 * node_2)
    shares = used(relaxation, gates)
    assert shares["output"] == shares["mean"] == 1
    assert shares["cell0_2_3__nor_conv_1x1"] == pytest.approx(0.2 * node_2)
    assert all(0 <= share <= 1 for share in shares.values())


def test_which_registered_spaces_have_one() -> None:
    having = {name for name in SPACES.names() if issubclass(SPACES.load(name), Relaxable)}
    assert having == {"cell", "conv1d", "conv2d", "macro", "mlp"}
