"""The canonical key: equal exactly for graphs that compute the same, checked also against networkx."""

import itertools
import time
from dataclasses import replace

import networkx as nx
import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_graphs import graphs, renamed

from search_spaces import Architecture, Edge, Node
from search_spaces.network import GraphNetwork
from search_spaces.operations import check

DENSE = (("activation", "relu"), ("norm", "none"), ("width", 3))


def simplified(architecture: Architecture) -> nx.MultiDiGraph:
    """Dead nodes removed and identities with one input contracted, by networkx's own means."""
    graph = nx.MultiDiGraph()
    first, last = architecture.nodes[0].name, architecture.nodes[-1].name
    for node in architecture.nodes:
        graph.add_node(node.name, label=(node.operation, node.choices, node.name == first, node.name == last))
    for edge in architecture.edges:
        graph.add_edge(edge.source, edge.target, label=(edge.kind, edge.optional))
    alive = ({first} | nx.descendants(graph, first)) & ({last} | nx.ancestors(graph, last))
    graph = nx.MultiDiGraph(graph.subgraph(alive | {first, last}))
    for name in list(nx.topological_sort(graph)):
        if graph.nodes[name]["label"][0] == "identity" and graph.in_degree(name) == 1:
            (source,) = graph.predecessors(name)
            for _, target, data in list(graph.out_edges(name, data=True)):
                graph.add_edge(source, target, **data)
            graph.remove_node(name)
    return graph


def isomorphic(first: Architecture, second: Architecture) -> bool:
    return nx.is_isomorphic(
        simplified(first),
        simplified(second),
        node_match=lambda a, b: a["label"] == b["label"],
        edge_match=lambda a, b: sorted(d["label"] for d in a.values()) == sorted(d["label"] for d in b.values()),
    )


@given(graph=graphs(), seed=st.integers(0, 10**6))
def test_renamed_and_reordered_is_equal(graph: Architecture, seed: int) -> None:
    check(graph)
    other = renamed(graph, np.random.default_rng(seed))
    check(other)
    assert other.key == graph.key


@given(some=st.lists(graphs(most=5), min_size=12, max_size=12))
@settings(max_examples=25)
def test_equal_keys_mean_isomorphic(some: list[Architecture]) -> None:
    for first, second in itertools.combinations(some, 2):
        assert (first.key == second.key) == isomorphic(first, second)


def test_all_small_wirings_against_networkx() -> None:
    """All 2 x 4 x 3 x 3 x 2 wirings of three inner nodes with skips, pair by pair."""
    nodes = tuple(
        Node(name=name, operation=op, choices=DENSE if op == "dense" else (("width", 3),) if op == "input" else ())
        for name, op in (("x", "input"), ("a", "dense"), ("b", "dense"), ("c", "dense"), ("y", "dense"))
    )
    some = []
    for b, c, y in itertools.product("xa", "xab", "abc"):
        mains = [("x", "a"), (b, "b"), (c, "c"), (y, "y")]
        free = [p for p in (("x", "b"), ("a", "c"), ("x", "c"), ("a", "y"), ("b", "y")) if p not in mains]
        for size in range(3):
            for skips in itertools.combinations(free, size):
                edges = [Edge(source=s, target=t) for s, t in mains]
                edges += [Edge(source=s, target=t, kind="skip") for s, t in skips]
                some.append(Architecture(space="all", nodes=nodes, edges=tuple(edges)))
    equal = 0
    for first, second in itertools.combinations(some[::2], 2):
        same = first.key == second.key
        equal += same
        assert same == isomorphic(first, second)
    assert equal > 100


@given(graph=graphs(), seed=st.integers(0, 10**6))
def test_dead_branches_do_not_count(graph: Architecture, seed: int) -> None:
    source = graph.nodes[int(np.random.default_rng(seed).integers(len(graph.nodes) - 1))].name
    dead = (Node(name="dead", operation="dense", choices=DENSE), Node(name="deader", operation="identity"))
    more = replace(
        graph,
        nodes=(*graph.nodes[:-1], *dead, graph.nodes[-1]),
        edges=(*graph.edges, Edge(source=source, target="dead"), Edge(source="dead", target="deader")),
    )
    check(more)
    assert more.key == graph.key


@given(graph=graphs(), seed=st.integers(0, 10**6))
def test_inserted_identities_do_not_count(graph: Architecture, seed: int) -> None:
    cut = graph.edges[int(np.random.default_rng(seed).integers(len(graph.edges)))]
    place = [node.name for node in graph.nodes].index(cut.target)
    more = replace(
        graph,
        nodes=(*graph.nodes[:place], Node(name="same", operation="identity"), *graph.nodes[place:]),
        edges=(
            *(e for e in graph.edges if e != cut),
            Edge(source=cut.source, target="same"),
            replace(cut, source="same"),
        ),
    )
    check(more)
    assert more.key == graph.key


@given(graph=graphs())
@settings(max_examples=25)
def test_equal_keys_compute_the_same(graph: Architecture) -> None:
    """What contraction and pruning throw away has no say in the function (weights by canonical order)."""
    dense = [node.name for node in graph.nodes if node.operation == "dense"]
    module = GraphNetwork(graph).double()
    other = GraphNetwork(renamed_only(graph)).double()
    state = module.state_dict()
    other.load_state_dict({f"z{k}": v for k, v in state.items()})
    x = torch.randn(3, 2, dtype=torch.float64)
    torch.testing.assert_close(module(x), other(x))
    assert len(dense) >= 1


def renamed_only(graph: Architecture) -> Architecture:
    return replace(
        graph,
        nodes=tuple(replace(n, name=f"z{n.name}") for n in graph.nodes),
        edges=tuple(replace(e, source=f"z{e.source}", target=f"z{e.target}") for e in graph.edges),
    )


@given(graph=graphs(), seed=st.integers(0, 10**6))
def test_any_change_that_matters_changes_the_key(graph: Architecture, seed: int) -> None:
    rng = np.random.default_rng(seed)
    live = simplified(graph)
    dense = [n for n in graph.nodes if n.operation == "dense" and n.name in live]
    node = dense[int(rng.integers(len(dense)))]
    choices = {"width": 17, "norm": "layer", "activation": "tanh"}
    name = list(choices)[int(rng.integers(3))]
    changed = replace(node, choices=tuple({**dict(node.choices), name: choices[name]}.items()))
    nodes = tuple(changed if n is node else n for n in graph.nodes)
    assert replace(graph, nodes=nodes).key != graph.key
    wires = [e for e in graph.edges if e.kind == "skip" and {e.source, e.target} <= set(live)]
    assume(wires)
    wire = wires[int(rng.integers(len(wires)))]
    without = replace(graph, edges=tuple(e for e in graph.edges if e != wire))
    other = replace(graph, edges=tuple(replace(e, optional=not e.optional) if e == wire else e for e in graph.edges))
    assert without.key != graph.key
    assert other.key != graph.key


def test_many_symmetric_branches_are_quick() -> None:
    """Twelve equal branches of two nodes have 479,001,600 orders; one is enough."""
    branches = 12
    names = [(f"a{i}", f"b{i}") for i in range(branches)]
    nodes = [Node(name="x", operation="input", choices=(("width", 3),))]
    nodes += [Node(name=name, operation="dense", choices=DENSE) for pair in names for name in pair]
    nodes.append(Node(name="y", operation="dense", choices=DENSE))
    edges = [Edge(source="x", target=a) for a, _ in names] + [Edge(source=a, target=b) for a, b in names]
    edges += [Edge(source=b, target="y", kind="skip" if i else "main") for i, (_, b) in enumerate(names)]
    graph = Architecture(space="wide", nodes=tuple(nodes), edges=tuple(edges))
    start = time.perf_counter()
    key = graph.key
    assert time.perf_counter() - start < 20
    assert renamed(graph, np.random.default_rng(0)).key == key


def test_known_hard_pairs_differ() -> None:
    """Two cycles of three and one of six look the same to colour refinement, not to the key."""

    def layered(links: list[tuple[int, int]]) -> Architecture:
        nodes = [Node(name="x", operation="input", choices=(("width", 3),))]
        nodes += [Node(name=f"{side}{i}", operation="dense", choices=DENSE) for side in "lr" for i in range(6)]
        nodes.append(Node(name="y", operation="dense", choices=DENSE))
        edges = [Edge(source="x", target=f"{side}{i}") for side in "lr" for i in range(6)]
        edges += [Edge(source=f"l{a}", target=f"r{b}", kind="skip") for a, b in links]
        edges += [Edge(source=f"r{i}", target="y", kind="skip") for i in range(6)]
        return Architecture(space="hard", nodes=tuple(nodes), edges=(*edges, Edge(source="x", target="y")))

    six = [(i, i) for i in range(6)] + [(i, (i + 1) % 6) for i in range(6)]
    three = [(i, i) for i in range(6)]
    three += [(i, 3 * (i // 3) + (i + 1) % 3) for i in range(6)]
    assert not isomorphic(layered(six), layered(three))
    assert layered(six).key != layered(three).key
    assert renamed(layered(six), np.random.default_rng(1)).key == layered(six).key
