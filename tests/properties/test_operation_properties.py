"""What is known about operations without torch is what the built modules do."""

import dataclasses
import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import renamed
from random_images import node, spatial_graphs
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import Architecture, Blueprint, Edge, Node
from search_spaces.network import GraphNetwork
from search_spaces.operations import OPERATIONS, flops, memory, node_parameters, parameters, shapes


@given(graph=spatial_graphs())
@settings(max_examples=60)
def test_shapes_parameters_and_flops_are_those_of_the_module(graph: Architecture) -> None:
    network, known = GraphNetwork(graph).eval(), shapes(graph)
    x = torch.randn(3, math.prod(known["x"]))
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda m, i, out, name=name: seen.__setitem__(name, tuple(out.shape[1:])))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        out = network(x)
    assert out.shape == (3, 2)
    assert seen == {name: shape for name, shape in known.items() if name != "x"}
    assert parameters(graph) == sum(p.numel() for p in network.parameters())
    for name, count in node_parameters(graph).items():
        assert count == sum(p.numel() for p in network.get_submodule(name).parameters())
    assert counter.get_total_flops() == 3 * flops(graph)
    assert memory(graph) == 4 * (parameters(graph) + sum(math.prod(s) for s in known.values()))
    blueprint = Blueprint.of(graph)
    assert blueprint.parameter_count == parameters(graph)
    sides = {name: shape[0] for name, shape in known.items()}
    rows = ("dense", "gated_dense", "conv")
    assert blueprint.maskable == tuple((n.name, sides[n.name]) for n in graph.nodes[1:-1] if n.operation in rows)


@given(graph=spatial_graphs(), seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_vmapped_networks_are_single_networks(graph: Architecture, seed: int) -> None:
    """Weights and gates differ between networks; run together they give what each gives alone."""
    torch.manual_seed(seed)
    networks = [GraphNetwork(graph).double() for _ in range(3)]
    gates = (torch.rand(3, len(graph.optional_edges)) > 0.5).double()
    masks = {name: (torch.rand(3, width) > 0.4).double() for name, width in Blueprint.of(graph).maskable}
    x = torch.randn(4, math.prod(shapes(graph)["x"]), dtype=torch.float64)
    weights = {
        name: torch.stack([dict(n.named_parameters())[name] for n in networks])
        for name in dict(networks[0].named_parameters())
    }

    def run(state: dict[str, torch.Tensor], mask: dict[str, torch.Tensor], gate: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(networks[0], state, (x, mask, gate))

    together = torch.vmap(run)(weights, masks, gates)
    for i, network in enumerate(networks):
        open_ = {(e.source, e.target): bool(gates[i, k]) for k, e in enumerate(graph.optional_edges)}
        alone = network.connect({name: mask[i] for name, mask in masks.items()}, open_)(x)
        torch.testing.assert_close(together[i], alone, atol=1e-9, rtol=1e-9)


def test_gates_have_gradients() -> None:
    """Checked against finite differences; a closed wire into a sum or a concat brings zeros."""
    act = [node(f"a{i}", "activation", kind=kind) for i, kind in enumerate(("silu", "tanh", "gelu"))]
    graph = Architecture(
        space="hand",
        nodes=(SEQUENCE, *act, node("s", "add"), node("c", "concat"), *HEAD),
        edges=(
            *(Edge(source="x", target=a.name) for a in act),
            Edge(source="a0", target="s"),
            Edge(source="a1", target="s", optional=True),
            Edge(source="a2", target="c", optional=True),
            Edge(source="s", target="c"),
            Edge(source="c", target="g"),
            Edge(source="g", target="y"),
        ),
    )
    network, x = GraphNetwork(graph).double(), torch.randn(2, 12, dtype=torch.float64)
    gates = torch.tensor([0.3, 0.8], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g: network(x, gates=g), (gates,))
    closed = network.connect({}, {("a1", "s"): False, ("a2", "c"): False})(x)
    torch.testing.assert_close(closed, network(x, gates=torch.zeros(2, dtype=torch.float64)))


@given(graph=spatial_graphs(), seed=st.integers(0, 10**6))
@settings(max_examples=60)
def test_key_knows_what_is_the_same(graph: Architecture, seed: int) -> None:
    """Renamed, with a dead branch, an identity, a join of one: the same key and the same function."""
    rng = np.random.default_rng(seed)
    other = loosened(graph, rng)
    assert other.key == graph.key
    assert loosened(renamed_keeping_order(graph, rng), rng).key == graph.key
    first, second = GraphNetwork(graph).double(), GraphNetwork(other).double()
    own = first.state_dict()
    second.load_state_dict({**second.state_dict(), **own})
    x = torch.randn(3, math.prod(shapes(graph)["x"]), dtype=torch.float64)
    torch.testing.assert_close(first(x), second(x))


def loosened(graph: Architecture, rng: np.random.Generator) -> Architecture:
    """The same function with more nodes: an identity or join of one on a wire, and a dead branch."""
    cut = graph.edges[int(rng.integers(len(graph.edges)))]
    place = [n.name for n in graph.nodes].index(cut.target)
    kind = ["identity", "add", "concat", "multiply"][int(rng.integers(4))]
    anchor = graph.nodes[int(rng.integers(place))]
    edges: list[Edge] = []
    for edge in graph.edges:
        if edge == cut:  # in its place: order counts for concat
            edges += [Edge(source=cut.source, target="same"), dataclasses.replace(cut, source="same")]
        else:
            edges.append(edge)
    return dataclasses.replace(
        graph,
        nodes=(
            *graph.nodes[:place],
            Node(name="same", operation=kind),
            Node(name="dead", operation="zero"),
            Node(name="deader", operation="flatten"),
            *graph.nodes[place:],
        ),
        edges=(*edges, Edge(source=anchor.name, target="dead"), Edge(source="dead", target="deader")),
    )


def renamed_keeping_order(graph: Architecture, rng: np.random.Generator) -> Architecture:
    """Other names and another topological order; edges into a concat keep their order among themselves."""
    other = renamed(graph, rng)
    ordered = {n.name for n in other.nodes if n.operation == "concat"}
    if not ordered:
        return other
    names = [n.name for n in graph.nodes]
    new = {n: f"r{n}" for n in names}
    return Architecture(
        space="renamed",
        nodes=tuple(dataclasses.replace(n, name=new[n.name]) for n in graph.nodes),
        edges=tuple(dataclasses.replace(e, source=new[e.source], target=new[e.target]) for e in graph.edges),
    )


SEQUENCE = node("x", "sequence", channels=2, length=6)
HEAD = [node("g", "global_pool", kind="avg"), node("y", "dense", activation="none", norm="none", width=2)]


def chained(*inner: Node, wires: list[tuple[str, str]]) -> Architecture:
    nodes = (SEQUENCE, *inner, *HEAD)
    edges = [Edge(source=a, target=b) for a, b in [*wires, ("g", "y")]]
    return Architecture(space="hand", nodes=nodes, edges=tuple(edges))


def test_sums_of_sums_are_one_and_doubles_count() -> None:
    act = [node(f"a{i}", "activation", kind=k) for i, k in enumerate(("relu", "tanh", "gelu"))]
    from_x = [("x", a.name) for a in act]
    join = node("s", "add")
    nested = chained(
        *act, node("t", "add"), join, wires=[*from_x, ("a0", "t"), ("a1", "t"), ("t", "s"), ("a2", "s"), ("s", "g")]
    )
    level = chained(*act, join, wires=[*from_x, ("a0", "s"), ("a1", "s"), ("a2", "s"), ("s", "g")])
    assert nested.key == level.key
    twice = chained(node("i", "identity"), join, wires=[("x", "i"), ("x", "s"), ("i", "s"), ("s", "g")])
    once = chained(join, wires=[("x", "s"), ("s", "g")])
    none = chained(wires=[("x", "g")])
    assert once.key == none.key != twice.key
    thrice = chained(
        node("i", "identity"),
        node("t", "add"),
        join,
        wires=[("x", "i"), ("x", "t"), ("i", "t"), ("t", "s"), ("x", "s"), ("s", "g")],
    )
    assert len({thrice.key, twice.key, once.key}) == 3
    x = torch.randn(2, 12, dtype=torch.float64)
    network = GraphNetwork(thrice).double()
    other = GraphNetwork(none).double()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        other.get_submodule("y").linear.weight.mul_(3)
    torch.testing.assert_close(network(x), other(x))


def test_order_counts_for_concat_only() -> None:
    act = [node("a", "activation", kind="relu"), node("b", "activation", kind="tanh")]
    for kind, same in (("add", True), ("multiply", True), ("concat", False)):
        there = chained(*act, node("j", kind), wires=[("x", "a"), ("x", "b"), ("a", "j"), ("b", "j"), ("j", "g")])
        back = chained(*act, node("j", kind), wires=[("x", "a"), ("x", "b"), ("b", "j"), ("a", "j"), ("j", "g")])
        assert (there.key == back.key) == same


def test_zeros_add_nothing() -> None:
    zero = node("z", "zero")
    with_zero = chained(zero, node("s", "add"), wires=[("x", "z"), ("z", "s"), ("x", "s"), ("s", "g")])
    assert with_zero.key == chained(wires=[("x", "g")]).key
    only = chained(zero, node("s", "add"), wires=[("x", "z"), ("z", "s"), ("s", "g")])
    assert only.key == chained(zero, wires=[("x", "z"), ("z", "g")]).key != with_zero.key


def test_a_tower_of_sums_is_quick() -> None:
    """Each sum reads the two before it: 60 of them have 10^12 paths."""
    names = ["x", *(f"s{i}" for i in range(60))]
    wires = [("x", "s0")]
    wires += [(names[i - j], names[i]) for i in range(2, len(names)) for j in (1, 2)]
    graph = chained(*(node(name, "add") for name in names[1:]), wires=[*wires, (names[-1], "g")])
    assert graph.key == loosened(graph, np.random.default_rng(0)).key


def test_gru_and_attention_match_torch() -> None:
    """The same numbers as torch's own modules on the same weights."""
    torch.manual_seed(0)
    z = torch.randn(3, 4, 7)
    from search_spaces.layers import make_layer

    ours = make_layer(node("r", "recurrent", width=5), (4, 7))
    theirs = nn.GRU(4, 5, batch_first=True)
    theirs.load_state_dict(
        {
            "weight_ih_l0": ours.inward.weight,
            "bias_ih_l0": ours.inward.bias,
            "weight_hh_l0": ours.onward.weight,
            "bias_hh_l0": ours.onward.bias,
        }
    )
    torch.testing.assert_close(ours(z), theirs(z.transpose(1, 2))[0].transpose(1, 2))
    ours = make_layer(node("a", "attention", heads=2, kind="full"), (4, 7))
    theirs = nn.MultiheadAttention(4, 2, batch_first=True)
    parts = [ours.query, ours.key, ours.value]
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([p.weight for p in parts]),
            "in_proj_bias": torch.cat([p.bias for p in parts]),
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    tokens = z.transpose(1, 2)
    torch.testing.assert_close(ours(z), theirs(tokens, tokens, tokens)[0].transpose(1, 2), atol=1e-5, rtol=1e-5)
    group = make_layer(node("n", "norm", kind="group"), (4, 7))
    torch.testing.assert_close(group(z), nn.GroupNorm(1, 4)(z), atol=1e-5, rtol=1e-5)
    for kind in ("causal", "local"):
        masked = make_layer(node("a", "attention", heads=2, kind=kind), (4, 7))
        changed = z.clone()
        changed[..., -1] += 1
        same = (masked(z) - masked(changed)).abs().amax((0, 1)) < 1e-6
        assert same.tolist() == [True] * (6 if kind == "causal" else 2) + [False] * (1 if kind == "causal" else 5)


def test_every_operation_is_drawn() -> None:
    seen: set[str] = set()

    @given(graph=spatial_graphs())
    @settings(max_examples=300, database=None)
    def collect(graph: Architecture) -> None:
        seen.update(n.operation for n in graph.nodes)

    collect()
    assert seen == set(OPERATIONS) - {"input"}
