"""Compaction of channels, heads and all else, on random graphs of all operations and on every space."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_images import node, spatial_graphs

from search_spaces import SPACES, Architecture, Edge, Node, WeightloomError, operations
from search_spaces.network import GraphNetwork
from workbench.export.channels import Shrunk, shrink_network

SHAPES = {"conv1d": (2, 12), "conv2d": (2, 6, 6), "transformer": (2, 12), "cell": (2, 8, 8), "dag": (2, 12)}


def emptied(network: GraphNetwork, seed: int, zeros: float = 0.5) -> dict[str, torch.Tensor]:
    """Its tensors, random, with zeros: single ones, whole rows, whole columns, whole tensors."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in network.named_parameters():
        made = torch.randn(tensor.shape, generator=random, dtype=torch.float64) / max(1, tensor[0].numel()) ** 0.5
        for sides in (tensor.shape, tensor.shape[:1], (1, *tensor.shape[1:2]), ()):
            share = zeros * float(torch.rand((), generator=random)) * (0.3 if sides == () else 1.0)
            keep = torch.rand(sides, generator=random) >= share
            made = made * keep.view(*sides, *[1] * (tensor.dim() - len(sides)))
        state[name] = made
    return state


def masks(architecture: Architecture, share: float, seed: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {n: torch.rand(width, generator=random) >= share for n, width in operations.maskable(architecture)}


def check(
    architecture: Architecture, state: dict[str, torch.Tensor], closed_neurons: float, closed_wires: float, seed: int
) -> Shrunk:
    """The smaller network computes the same in double precision, and costs what its architecture says."""
    rng = np.random.default_rng(seed)
    network = GraphNetwork(architecture).double().load(state).eval()
    open_neurons = masks(architecture, closed_neurons, seed)
    gates = {(e.source, e.target): bool(rng.random() >= closed_wires) for e in architecture.optional_edges}
    network.connect(open_neurons, gates)
    closed = frozenset(wire for wire, is_open in gates.items() if not is_open)
    smaller = shrink_network(architecture, state, open_neurons, closed)
    module = smaller.network()
    x = torch.from_numpy(rng.normal(size=(3, math.prod(operations.shapes(architecture)[architecture.nodes[0].name]))))
    with torch.no_grad():
        expected, got = network(x), module(x)
    assert float((got - expected).abs().max()) <= 1e-9 * max(1.0, float(expected.abs().max()))
    assert sum(p.numel() for p in module.parameters()) == operations.parameters(smaller.architecture)
    return smaller


@given(graph=spatial_graphs(most=10), seed=st.integers(0, 2**31), closed=st.sampled_from([0.0, 0.3, 0.7, 1.0]))
@settings(max_examples=150)
def test_random_graphs_compute_the_same(graph: Architecture, seed: int, closed: float) -> None:
    check(graph, emptied(GraphNetwork(graph), seed, zeros=0.7 if seed % 2 else 0.2), closed, 0.4, seed)


@pytest.mark.parametrize("name", SHAPES)
def test_every_space_computes_the_same_with_fewer_parameters(name: str) -> None:
    shape = SHAPES[name]
    space = SPACES.load(name)(inputs=math.prod(shape), outputs=3, shape=shape)
    rng = np.random.default_rng(3)
    before = after = 0
    for seed in range(12):
        architecture = space.sample(rng)
        smaller = check(architecture, emptied(GraphNetwork(architecture), seed, zeros=0.0), 0.5, 0.3, seed)
        before += operations.parameters(architecture)
        after += operations.parameters(smaller.architecture)
    assert after < 0.75 * before


@pytest.mark.parametrize("name", SHAPES)
def test_of_a_full_network_nothing_goes(name: str) -> None:
    shape = SHAPES[name]
    space = SPACES.load(name)(inputs=math.prod(shape), outputs=3, shape=shape)
    rng = np.random.default_rng(0)
    for seed in range(4):
        architecture = space.sample(rng)
        if any(n.operation == "zero" for n in architecture.nodes):
            continue
        smaller = check(architecture, emptied(GraphNetwork(architecture), seed, zeros=0.0), 0.0, 0.0, seed)
        assert operations.flops(smaller.architecture) == operations.flops(architecture)
        assert {n.operation for n in smaller.architecture.nodes} == {n.operation for n in architecture.nodes}


def chain(*nodes: Node) -> Architecture:
    return Architecture(
        space="test",
        nodes=nodes,
        edges=tuple(Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes)),
    )


def conv(name: str, channels: int, kernel: int = 3, groups: int = 1, norm: str = "none") -> Node:
    return node(name, "conv", activation="relu", channels=channels, groups=groups, kernel=kernel, norm=norm, stride=1)


OUTPUT = node("y", "dense", activation="none", norm="none", width=3)


def small(
    architecture: Architecture, closed: dict[str, list[int]], state: dict[str, torch.Tensor] | None = None
) -> Shrunk:
    """With some channels closed; equal outputs are checked."""
    state = emptied(GraphNetwork(architecture), 0, zeros=0.0) if state is None else state
    widths = dict(operations.maskable(architecture))
    open_neurons = {n: torch.tensor([i not in closed.get(n, []) for i in range(w)]) for n, w in widths.items()}
    smaller = shrink_network(architecture, state, open_neurons, frozenset())
    network = GraphNetwork(architecture).double().load(state).connect(open_neurons, {})
    x = torch.randn(2, math.prod(operations.shapes(architecture)["x"]), dtype=torch.float64)
    torch.testing.assert_close(smaller.network()(x), network(x), atol=1e-9, rtol=1e-9)
    return smaller


def sizes(smaller: Shrunk) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in smaller.state.items() if name.endswith("weight")}


IMAGE = node("x", "image", channels=2, height=6, width=6)


def test_closed_channels_go_through_pools_norms_and_depthwise_convolutions() -> None:
    graph = chain(
        IMAGE, conv("a", 8, norm="group"), node("p", "pool", kernel=2, kind="max", stride=2),
        conv("b", 8, groups=8), conv("c", 4, kernel=1), node("f", "flatten"), OUTPUT,
    )  # fmt: skip
    found = sizes(small(graph, {"a": [0, 2, 3], "c": [1]}))
    assert found == {
        "a.conv.weight": (5, 2, 3, 3),
        "a.norm.weight": (5,),
        "b.conv.weight": (5, 1, 3, 3),
        "c.conv.weight": (3, 5, 1, 1),
        "y.linear.weight": (3, 27),
    }


def test_a_norm_by_itself_keeps_all_channels() -> None:
    graph = chain(IMAGE, conv("a", 8), node("n", "norm", kind="layer"), node("g", "global_pool", kind="avg"), OUTPUT)
    found = sizes(small(graph, {"a": [0, 2, 3]}))
    assert found == {"a.conv.weight": (5, 2, 3, 3), "n.weight": (8,), "y.linear.weight": (3, 8)}


def test_groups_keep_as_many_channels_each() -> None:
    graph = chain(IMAGE, conv("a", 8), conv("b", 8, groups=2), node("g", "global_pool", kind="avg"), OUTPUT)
    found = sizes(small(graph, {"a": [0, 1, 4], "b": [0, 1, 4]}))
    assert found == {"a.conv.weight": (5, 2, 3, 3), "b.conv.weight": (6, 3, 3, 3), "y.linear.weight": (3, 5)}
    normed = chain(IMAGE, conv("b", 8, groups=2, norm="layer"), node("g", "global_pool", kind="avg"), OUTPUT)
    smaller = small(normed, {"b": [0, 1, 4]})
    assert smaller.open_neurons["b"].tolist() == [False, True, True, True, True, True] or len(smaller.open_neurons) == 1


@pytest.mark.parametrize("kind", ["full", "causal", "local", "linear"])
def test_heads_without_values_or_without_readers_go(kind: str) -> None:
    graph = chain(
        node("x", "sequence", channels=8, length=5), node("a", "attention", heads=4, kind=kind),
        node("g", "global_pool", kind="avg"), OUTPUT,
    )  # fmt: skip
    state = emptied(GraphNetwork(graph), 0, zeros=0.0)
    state["a.value.weight"][:2], state["a.value.bias"][:2] = 0, 0  # head 0 mixes nothing
    state["a.out.weight"][:, 2:4] = 0  # nobody reads head 1
    smaller = small(graph, {}, state)
    assert sizes(smaller) == {
        "a.query.weight": (4, 8), "a.key.weight": (4, 8), "a.value.weight": (4, 8), "a.out.weight": (8, 4),
        "y.linear.weight": (3, 8),
    }  # fmt: skip
    assert operations.flops(smaller.architecture) < operations.flops(graph)


def test_sources_of_a_sum_may_differ_in_their_channels() -> None:
    graph = Architecture(
        space="test",
        nodes=(IMAGE, conv("a", 4), conv("b", 4), node("s", "add"), node("g", "global_pool", kind="max"), OUTPUT),
        edges=tuple(
            Edge(source=a, target=b)
            for a, b in [("x", "a"), ("x", "b"), ("a", "s"), ("b", "s"), ("s", "g"), ("g", "y")]
        ),
    )
    smaller = small(graph, {"a": [0, 1], "b": [0, 2]})
    assert sizes(smaller) == {"a.conv.weight": (2, 2, 3, 3), "b.conv.weight": (2, 2, 3, 3), "y.linear.weight": (3, 3)}
    assert smaller.chosen == {"a_to_s": [-1, 0, 1], "b_to_s": [0, -1, 1]}


def test_squeeze_and_excitation_loses_channels_and_inner_values() -> None:
    graph = chain(
        IMAGE, conv("a", 8), node("e", "squeeze_excite", ratio=2), node("g", "global_pool", kind="avg"), OUTPUT
    )
    state = emptied(GraphNetwork(graph), 0, zeros=0.0)
    state["e.expand.weight"][:, 0] = 0
    found = sizes(small(graph, {"a": [0, 1, 2]}, state))
    assert found["e.reduce.weight"] == (3, 5)
    assert found["e.expand.weight"] == (5, 3)


def test_a_select_without_places_is_refused() -> None:
    with pytest.raises(WeightloomError, match="compact"):
        GraphNetwork(chain(IMAGE, node("s", "select", channels=1), node("f", "flatten"), OUTPUT))
