"""NAS-Bench-Macro's chains by hand."""

import pytest

from search_spaces import WeightloomError
from search_spaces.macro import MACRO_BLOCKS, MacroSpace

SPACE = MacroSpace(inputs=64, outputs=10, shape=(1, 8, 8))


def genome(word: str) -> dict[str, str]:
    return {f"block_{i}": tuple(MACRO_BLOCKS)[int(digit)] for i, digit in enumerate(word, start=1)}


def test_the_smallest_chain() -> None:
    nodes = [node.name for node in SPACE.from_genome(genome("00000000")).nodes]
    assert nodes == ["input", "stem", "block1", "block3", "block6", "head", "mean", "output"]


def test_a_bottleneck_widens_and_adds_its_input() -> None:
    architecture = SPACE.from_genome(genome("00200000"))
    nodes = {node.name: node for node in architecture.nodes}
    assert nodes["block3_widen"]["channels"] == nodes["block3_each"]["groups"] == 6 * 8
    assert (nodes["block3_each"]["kernel"], nodes["block3_each"]["stride"]) == (5, 2)
    assert nodes["block3_narrow"]["channels"] == 16
    assert "block3_sum" not in nodes
    architecture = SPACE.from_genome(genome("00010000"))
    assert {edge.source for edge in architecture.edges_into("block4_sum")} == {"block3", "block4_narrow"}


def test_where_an_identity_stands_among_equal_blocks_does_not_count() -> None:
    keys = [SPACE.from_genome(genome(word)).key for word in ("00010000", "00001000", "00020000", "00011000")]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_size_and_limits() -> None:
    assert SPACE.size == 3**8
    with pytest.raises(WeightloomError, match="head must be integers of at least 1, got"):
        MacroSpace(inputs=64, shape=(1, 8, 8), head=0)
    with pytest.raises(WeightloomError, match="expected sequences"):
        MacroSpace(inputs=64)
