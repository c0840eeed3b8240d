"""The space of free graphs."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from search_spaces import Architecture, UnknownName, WeightloomError, choices
from search_spaces.dag import JOINS, UNARY, DagSpace
from search_spaces.operations import parameters, shapes


def space(shape: tuple[int, ...] = (1, 40), **settings: Any) -> DagSpace:
    return DagSpace(**{"inputs": math.prod(shape), "outputs": 10, "shape": shape} | settings)


@cache
def drawn(count: int, seed: int = 0, **settings: Any) -> tuple[Architecture, ...]:
    rng, own = np.random.default_rng(seed), space(**settings)
    return tuple(own.sample(rng) for _ in range(count))


@pytest.mark.parametrize("shape", [(1, 40), (3, 4), (1, 8, 8), (2, 5, 9)])
def test_samples_are_valid_and_differ(shape: tuple[int, ...]) -> None:
    own, found = space(shape), drawn(60, shape=shape)
    for architecture in found:
        own.validate(architecture)
    assert len({a.key for a in found}) > 57


def test_networks_for_mnist1d_are_small() -> None:
    counts = [parameters(a) for a in drawn(100)]
    assert max(counts) < 50_000
    assert np.percentile(counts, 5) > 400


def test_every_operation_and_resolution_comes_up() -> None:
    found = drawn(100)
    operations = {node.operation for a in found for node in a.nodes}
    assert operations >= {"conv", "attention", "recurrent", "pool", "squeeze_excite", "multiply", "add", "concat"}
    lengths = {shape[1] for a in found for shape in shapes(a).values() if len(shape) == 2}
    assert lengths == {40, 20, 10, 5}
    genes = [dict(a.genome) for a in found]
    assert {v for g in genes for n, v in g.items() if n.startswith("op_")} == {*UNARY, *JOINS}


def test_no_node_is_dead() -> None:
    for architecture in drawn(100):
        read = {edge.source for edge in architecture.edges}
        assert read == {node.name for node in architecture.nodes[:-1]}


def test_first_wires_stay_within_reach() -> None:
    def far(reach: int) -> int:
        return max(
            int(name.partition("_")[2]) - int(value)
            for a in drawn(40, reach=reach)
            for name, value in a.genome
            if name.startswith("from_")
        )

    assert (far(1), far(3)) == (1, 3)


def test_a_chain_by_hand() -> None:
    own = space(shape=(1, 16), nodes=(2,), outputs=3)
    genome = {
        **{"activation": "relu", "norm": "none", "head": "avg", "nodes": 2},
        **{"width_0": 8, "kernel_0": 3, "stride_0": 2},
        **{"from_1": 0, "op_1@-gate-add-concat": "pool", "pool_1": "max"},
        **{"from_2": 1, "op_2@-pool-gate-add-concat": "recurrent", "width_2": 16},
    }
    architecture = own.from_genome(genome)
    found = shapes(architecture)
    assert [found[name] for name in ("stem", "node1", "node2", "output")] == [(8, 8), (8, 4), (16, 4), (3,)]
    assert str(architecture) == ("dag[conv(relu,8,1,3,none,2) pool(2,max,2) recurrent(16) global_pool(avg)]")
    with pytest.raises(WeightloomError, match=r"op_2@-pool-gate-add-concat = 'pool' is not allowed"):
        own.from_genome({**genome, "op_2@-pool-gate-add-concat": "pool"})


def test_joins_name_the_nodes_that_fit() -> None:
    own = space(shape=(1, 16), nodes=(3,), outputs=3)
    genome = {
        **{"activation": "relu", "norm": "none", "head": "avg", "nodes": 3},
        **{"width_0": 8, "kernel_0": 3, "stride_0": 1},
        **{"from_1": 0, "op_1@-gate-add-concat": "conv", "width_1": 16, "kernel_1": 1, "stride_1": 1},
        **{"from_2": 1, "op_2@-gate-add": "squeeze"},
        **{"from_3": 2, "op_3": "add", "with_3@1": 1},
    }
    architecture = own.from_genome(genome)
    (wire,) = architecture.optional_edges[:1]
    assert (wire.source, wire.target) == ("node1", "node3")
    assert shapes(architecture)["node3"] == (16, 16)
    with pytest.raises(WeightloomError, match="with_3@1 = 0 is not allowed; allowed are"):
        own.from_genome({**genome, "with_3@1": 0})


@pytest.mark.parametrize(("nodes", "operations"), [((1,), ("conv",)), ((2,), ("conv",)), ((1, 2), (*UNARY, *JOINS))])
def test_size_is_bounded_by_its_bound(nodes: tuple[int, ...], operations: tuple[str, ...]) -> None:
    own = space(shape=(1, 9), nodes=nodes, operations=operations, widths=(8,))
    exact = choices.exact_size(own.tree)
    bound = choices._count(own.tree, lambda grown: grown.bound(grown.state))
    assert exact is not None
    assert exact <= bound


def test_size_of_convolutions_by_hand() -> None:
    # nothing to reduce: width and kernel of stem and nodes, where each of them reads from
    own = space(shape=(1, 4), nodes=(3,), operations=("conv",), widths=(8, 16), activations=("relu",), norms=("none",))
    assert own.size == 2 * 6**4 * math.factorial(3)
    assert own.size_is_exact


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (40,)}, "expected sequences"),
        ({"nodes": (0,)}, "nodes must be integers of at least 1"),
        ({"reach": 0}, "reach must be integers of at least 1"),
        ({"heads": (3,)}, "got 3 heads for width 8"),
        ({"kernels": (9,)}, "kernels must be at most 7"),
        ({"operations": ("pool", "add")}, "expected one of attention, conv, depthwise, squeeze"),
        ({"activations": ("relo",)}, "Did you mean 'relu'"),
    ],
)
def test_refuses(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightloomError, match=message):
        space(**settings)


def test_unknown_operation_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'attention'"):
        space(operations=("conv", "atention"))


def test_too_large_is_refused_before_it_is_built() -> None:
    own, architecture = space(), drawn(1)[0]
    with pytest.raises(WeightloomError, match=r"expected an architecture of at most 1,000 bytes, got [\d,]+; choose"):
        own.build(architecture, max_bytes=1_000)
    huge = space(widths=(100_000,), heads=(1,), nodes=(3,), most_channels=10**6, operations=("conv",))
    with pytest.raises(WeightloomError, match="at most 100,000,000 parameters"):
        huge.build(huge.sample(np.random.default_rng(0)))
