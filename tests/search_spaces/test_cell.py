"""NAS-Bench-201's space: arch strings, graphs by hand, and which cells are the same."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from search_spaces import WeightloomError
from search_spaces.cell import (
    CELL_EDGES,
    CELL_OPERATIONS,
    FULL,
    CellSpace,
    cell_graph,
    cell_key,
    read_arch_string,
    write_arch_string,
)
from search_spaces.operations import shapes

SPACE = CellSpace(inputs=64, outputs=10, shape=(1, 8, 8))
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
ALL = tuple(itertools.product(CELL_OPERATIONS, repeat=len(CELL_EDGES)))

LIST_KEYS = """
import itertools
from search_spaces.cell import CELL_OPERATIONS, cell_key
print(*(cell_key(operations) for operations in itertools.product(CELL_OPERATIONS, repeat=6)))
"""


def test_arch_strings_both_ways() -> None:
    assert len(ALL) == SPACE.size == 15_625
    for operations in ALL[::7]:
        assert read_arch_string(write_arch_string(operations)) == operations
    assert write_arch_string(read_arch_string(BEST)) == BEST
    architecture = SPACE.from_arch_string(BEST)
    assert dict(architecture.genome)["edge_1_2"] == "avg_pool_3x3"
    assert SPACE.to_arch_string(architecture) == BEST


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the '\|' that opens node 1 at character 0, got the end"),
        (BEST[:-1], rf"source of edge 2 -> 3 at character {len(BEST) - 3}, got '~2'; allowed: '~2\|'"),
        (BEST + "|", rf"expected the end at character {len(BEST)}"),
        (BEST.replace("+", " ", 1), r"the '\+' before node 2 at character 16"),
        (BEST.replace("skip", "skap", 1), "operation of edge 0 -> 3 at character 50, got 'skap_connect.*'none', 'skip"),
        (BEST.replace("~1", "~2", 1), "source of edge 1 -> 2 at character 45"),
        (BEST.upper(), "character 1, .* allowed: 'none', 'skip_connect', 'nor_conv_1x1'"),
    ],
)
def test_malformed_arch_strings_name_the_character(text: str, message: str) -> None:
    with pytest.raises(WeightloomError, match=message) as error:
        SPACE.from_arch_string(text)
    assert "\n" not in str(error.value)


def wires(operations: str) -> set[tuple[str, str]]:
    graph = cell_graph(read_arch_string(operations))
    return {(e.source, e.target) for e in graph.edges}


def test_cells_by_hand() -> None:
    assert wires("|none~0|+|none~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|") == {("input", "output")}
    assert wires("|avg_pool_3x3~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|") == {
        ("input", "cell_0_1"),
        ("cell_0_1", "cell_relu1"),
        ("cell_relu1", "cell_1_3"),
        ("cell_1_3", "output"),
    }
    assert wires("|none~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|") == {
        ("input", "cell_zero"),
        ("cell_zero", "output"),
    }


def test_edge_order_is_the_papers() -> None:
    """Each gene alone beside a plain path shows in the graph where the paper says."""
    assert CELL_EDGES == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    for place, (source, target) in enumerate(CELL_EDGES):
        operations = ["skip_connect"] * 6
        operations[place] = "nor_conv_3x3"
        names = {node.name for node in cell_graph(operations).nodes}
        assert f"cell_{source}_{target}" in names


def test_distinct_cells() -> None:
    """Two cells with one key compute the same; there are 4,930 functions when layers of one kind share weights.

    Fewer than the paper's 6,466 strings, since dead branches count there; more keys than functions, since a
    layer that is read twice is not two layers, whose weights may differ.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 5))
    first, second, third = (rng.normal(size=(5, 5)) for _ in range(3))
    functions = {
        "skip_connect": lambda z: z,
        "nor_conv_1x1": lambda z: np.tanh(z @ first),
        "nor_conv_3x3": lambda z: np.sin(z @ second),
        "avg_pool_3x3": lambda z: np.arctan(z @ third),  # as if not linear: sums of means stay apart
    }

    def run(operations: tuple[str, ...]) -> bytes:
        values = [x, *(np.zeros_like(x) for _ in range(3))]
        fed = {0}
        for (source, target), operation in zip(CELL_EDGES, operations, strict=True):
            if operation != "none" and source in fed:
                values[target] = values[target] + functions[operation](values[source])
                fed.add(target)
        return (np.round(values[3], 6) + 0.0).tobytes()

    # in a process without type checks, which take most of the time here
    listed = subprocess.run([sys.executable, "-c", LIST_KEYS], capture_output=True, text=True, check=True).stdout
    by_key: dict[str, set[bytes]] = {}
    for operations, key in zip(ALL, listed.split(), strict=True):
        by_key.setdefault(key, set()).add(run(operations))
    assert all(len(outputs) == 1 for outputs in by_key.values())
    assert len(set.union(*by_key.values())) == 4_930
    assert len(by_key) == 5_260
    # one layer read twice against two layers, and the same without weights
    once = "|{0}~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    twice = "|{0}~0|+|{0}~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    for operation, same in (("nor_conv_3x3", False), ("avg_pool_3x3", True)):
        keys = [cell_key(read_arch_string(text.format(operation))) for text in (once, twice)]
        assert (keys[0] == keys[1]) == same


def test_cells_with_equal_keys_are_equal_in_the_backbone() -> None:
    rng = np.random.default_rng(1)
    some = [ALL[int(i)] for i in rng.choice(len(ALL), 150, replace=False)]
    some += [read_arch_string(t) for t in (BEST, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")]
    full = {o: SPACE.from_arch_string(write_arch_string(o)) for o in some}
    for a, b in itertools.combinations(some, 2):
        assert (cell_key(a) == cell_key(b)) == (full[a].key == full[b].key)
        assert SPACE.cell_key(full[a]) == cell_key(a)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 40), (3, 9, 7)])
def test_backbones(shape: tuple[int, ...]) -> None:
    inputs = int(np.prod(shape))
    space = CellSpace(inputs=inputs, outputs=10, shape=shape, **FULL)
    architecture = space.from_arch_string(BEST)
    known = shapes(architecture)
    assert known["stem"] == (16, *shape[1:])
    assert known["cell14_node3"] == (64, *(-(-side // 4) for side in shape[1:]))
    logits = space.build(architecture)(torch.randn(2, inputs))
    assert logits.shape == (2, 10)
    assert bool(torch.isfinite(logits).all())


def test_other_data_and_settings_are_refused() -> None:
    with pytest.raises(WeightloomError, match=r"sequences .* such as task mnist1d or images"):
        CellSpace(inputs=64, outputs=10)
    with pytest.raises(WeightloomError, match=r"3 stages .* got shape \(1, 8, 4\)"):
        CellSpace(inputs=32, outputs=10, shape=(1, 8, 4))
    with pytest.raises(WeightloomError, match="cells must be integers of at least 1, got"):
        CellSpace(inputs=64, outputs=10, shape=(1, 64), cells=0)
