"""NAS-Bench-201's space of cells (Dong & Yang 2020, https://arxiv.org/abs/2001.00326)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, ClassVar

from search_spaces.architecture import Architecture, Genome, Node
from search_spaces.arguments import whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Product, Tree
from search_spaces.errors import WeightloomError
from search_spaces.operations import Shape
from search_spaces.relaxation import Chance, Gate, Relaxation, Supernet, both, when

CELL_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(from, to) in the order of the paper's arch strings and of all tables."""
CELL_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
SMALL: Mapping[str, int] = {"channels": 8, "cells": 1, "stages": 3}
"""The default backbone: a few thousand parameters, trained in seconds."""
FULL: Mapping[str, int] = {"channels": 16, "cells": 5, "stages": 3}
"""The paper's backbone (section 2.1)."""


class CellSpace(AssembledSpace):
    """NAS-Bench-201: a cell of 4 nodes and 6 edges with one of 5 operations each, stacked in a fixed backbone.

    Each node is the sum of its edges' outputs: nothing (``none``), the source (``skip_connect``), relu,
    convolution and norm (``nor_conv_1x1``, ``nor_conv_3x3``), or the mean over 3 positions an axis
    (``avg_pool_3x3``). The backbone is a convolution, ``stages`` of ``cells`` cells each with a residual block
    of stride 2 and twice the channels between them, norm, relu, global mean and a linear classifier.

    Deviations from the paper: group norm with one group instead of batch norm, and convolutions with a bias,
    since running statistics are no weights that a generator could emit; edges on no path from the cell's
    first node to its last are left out (a cell without any path puts out zeros); sequences as well as images.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        channels: after the first convolution.
        cells: per stage.
        stages: number of resolutions.
    """

    name: ClassVar[str] = "cell"
    ranks: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(
        self,
        *,
        inputs: int = 64,
        outputs: int = 10,
        shape: Shape | None = None,
        channels: int = SMALL["channels"],
        cells: int = SMALL["cells"],
        stages: int = SMALL["stages"],
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        whole_numbers(self.name, 1, {"channels": (channels,), "cells": (cells,), "stages": (stages,)})
        smallest = min(-(-side // 2 ** (stages - 1)) for side in self.shape[1:])
        if smallest < 2:
            raise WeightloomError(
                f"space cell: expected examples that {stages} stages leave at least 2 positions an axis of, got shape "
                f"{self.shape}; take fewer stages"
            )
        self.channels = channels
        self.cells = cells
        self.stages = stages

    @cached_property
    def tree(self) -> Tree:
        """One choice an edge, in the paper's order."""
        return Product(tuple(Choice(f"edge_{a}_{b}", CELL_OPERATIONS) for a, b in CELL_EDGES))

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """The backbone with the genome's cell in every place."""
        chosen = operations_of(genome)
        self._backbone(graph, lambda name, value, channels: _cell(graph, name, value, channels, chosen))

    def relax(self, genome: Genome) -> Relaxation:
        """All six choices: each node of a cell is the sum of all operations on all edges; nothing is held."""
        graph = Supernet(self.shape)
        self._backbone(graph, lambda name, value, channels: _mixed_cell(graph, name, value, channels))
        return graph.relaxation(self.name, [Choice(gene, CELL_OPERATIONS) for gene in _GENES], genome)

    def _backbone(self, graph: Assembly, cell: Callable[[str, str, int], str]) -> None:
        """The fixed network around what ``cell`` puts behind a value."""
        value = _conv(graph, "stem", DATA_NAME, self.channels, 3)
        for stage in range(self.stages):
            channels = self.channels * 2**stage
            if stage:
                value = _reduction(graph, f"reduce{stage}", value, channels)
            for place in range(self.cells):
                value = cell(f"cell{stage * self.cells + place}", value, channels)
        value = graph.add("last_norm", "norm", value, kind="group")
        value = graph.add("last_relu", "activation", value, kind="relu")
        value = graph.add("mean", "global_pool", value, kind="avg")
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)

    def core(self, genome: Genome) -> Architecture:
        """The cell alone, since the backbone repeats it."""
        return cell_graph(operations_of(genome))

    def from_arch_string(self, text: str) -> Architecture:
        """The architecture of an arch string such as ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…|``.

        Raises:
            WeightloomError: naming the position of the first character that is not as it must be.
        """
        return self.from_genome(dict(zip(_GENES, read_arch_string(text), strict=True)))

    def to_arch_string(self, architecture: Architecture) -> str:
        """The arch string of one of this space's architectures."""
        return write_arch_string(operations_of(self.genome(architecture)))

    def cell_key(self, architecture: Architecture) -> str:
        """The key of the cell alone: equal for two architectures whose cells compute the same; cached, cheap."""
        return cell_key(operations_of(dict(architecture.genome)))


_GENES = tuple(f"edge_{a}_{b}" for a, b in CELL_EDGES)


def operations_of(genome: Genome) -> tuple[str, ...]:
    """The six operations in the paper's order."""
    return tuple(str(genome[gene]) for gene in _GENES)


@lru_cache(maxsize=15_625)
def cell_key(operations: tuple[str, ...]) -> str:
    """The canonical key of a cell without a backbone (see ``Architecture.key``); cached."""
    return cell_graph(operations).key


def cell_graph(operations: Sequence[str]) -> Architecture:
    """A cell by itself, from one value to one value of any shape: a graph for keys, not for training."""
    graph = Assembly((1, 2))
    graph.nodes[0] = Node(name=DATA_NAME, operation="identity")
    value = _cell(graph, "cell", DATA_NAME, 1, operations)
    graph.add("output", "identity", value)
    return graph.finish("cell alone", dict(zip(_GENES, operations, strict=True)))


def read_arch_string(text: str) -> tuple[str, ...]:
    """The six operations of an arch string, in the paper's order; raises like ``from_arch_string``."""
    found: list[str] = []
    at = 0

    def expect(options: Sequence[str], what: str) -> str:
        nonlocal at
        for option in options:
            if text.startswith(option, at):
                at += len(option)
                return option
        got = repr(text[at : at + 20]) if at < len(text) else "the end"
        raise WeightloomError(
            f"arch string: expected {what} at character {at}, got {got}; allowed: {', '.join(map(repr, options))}"
        )

    for target, edges in itertools.groupby(CELL_EDGES, key=lambda edge: edge[1]):
        if target > 1:
            expect(("+",), f"the '+' before node {target}")
        expect(("|",), f"the '|' that opens node {target}")
        for source, _ in edges:
            found.append(expect(CELL_OPERATIONS, f"the operation of edge {source} -> {target}"))
            expect((f"~{source}|",), f"the source of edge {source} -> {target}")
    if at != len(text):
        raise WeightloomError(f"arch string: expected the end at character {at}, got {text[at : at + 20]!r}; remove it")
    return tuple(found)


def write_arch_string(operations: Sequence[str]) -> str:
    """The inverse of ``read_arch_string``."""
    parts: dict[int, str] = {}
    for (source, target), operation in zip(CELL_EDGES, operations, strict=True):
        parts[target] = parts.get(target, "|") + f"{operation}~{source}|"
    return "+".join(parts.values())


def _cell(graph: Assembly, name: str, value: str, channels: int, operations: Sequence[str]) -> str:
    """One cell behind ``value``; returns what it puts out."""
    wires = _alive([edge for edge in zip(CELL_EDGES, operations, strict=True) if edge[1] != "none"])
    if not wires:
        return graph.add(f"{name}_zero", "zero", value)
    values = {0: value}
    active: dict[int, str] = {}
    for target, group in itertools.groupby(wires, key=lambda wire: wire[0][1]):
        terms = []
        for (source, _), operation in group:
            place = f"{name}_{source}_{target}"
            if operation == "skip_connect":
                terms.append(values[source])
            elif operation == "avg_pool_3x3":
                terms.append(graph.add(place, "pool", values[source], kernel=3, kind="avg", stride=1))
            else:
                if source not in active:
                    active[source] = graph.add(f"{name}_relu{source}", "activation", values[source], kind="relu")
                terms.append(_conv(graph, place, active[source], channels, 3 if operation.endswith("3x3") else 1))
        values[target] = graph.join(f"{name}_node{target}", terms)
    return values[3]


def _mixed_cell(graph: Supernet, name: str, value: str, channels: int) -> str:
    """One relaxed cell behind ``value``; returns what it puts out."""
    values = {0: value}
    active: dict[int, str] = {}
    for target, edges in itertools.groupby(CELL_EDGES, key=lambda edge: edge[1]):
        wires: list[tuple[str, Gate]] = []
        for source, _ in edges:
            place = f"{name}_{source}_{target}"
            if source not in active:
                active[source] = graph.add(f"{name}_relu{source}", "activation", values[source], kind="relu")
            options = {
                "skip_connect": values[source],
                "nor_conv_1x1": _conv(graph, f"{place}__nor_conv_1x1", active[source], channels, 1),
                "nor_conv_3x3": _conv(graph, f"{place}__nor_conv_3x3", active[source], channels, 3),
                "avg_pool_3x3": graph.add(place, "pool", values[source], kernel=3, kind="avg", stride=1),
            }
            gene = f"edge_{source}_{target}"
            wires += [(end, both(_reached(source), when(gene, option))) for option, end in options.items()]
        values[target] = graph.mix(f"{name}_node{target}", wires)
    return values[3]


def _reached(node: int) -> Gate:
    """Open if anything comes to a cell's node: a convolution behind nothing would still put out its bias."""

    def gate(chance: Chance) -> Any:
        missed: Any = 1.0
        for source, target in CELL_EDGES:
            if target == node:
                there = (1.0 - chance(f"edge_{source}_{target}", "none")) * _reached(source)(chance)
                missed = missed * (1.0 - there)
        return 1.0 - missed if node else 1.0

    return gate


Wire = tuple[tuple[int, int], str]


def _alive(wires: Sequence[Wire]) -> list[Wire]:
    """Those on a path from node 0 to node 3, in the paper's order."""
    reached, leading = {0}, {3}
    for (source, target), _ in wires:  # sorted by target, so one pass is enough
        if source in reached:
            reached.add(target)
    for (source, target), _ in reversed(wires):
        if target in leading:
            leading.add(source)
    return [wire for wire in wires if wire[0][0] in reached and wire[0][1] in leading]


def _conv(graph: Assembly, name: str, value: str, channels: int, kernel: int, stride: int = 1) -> str:
    return graph.add(
        name,
        "conv",
        value,
        activation="none",
        channels=channels,
        groups=1,
        kernel=kernel,
        norm="group",
        stride=stride,
    )


def _reduction(graph: Assembly, name: str, value: str, channels: int) -> str:
    """Basic residual block of stride 2 (He et al. 2016): two convolutions, beside them a mean and a projection."""
    first = graph.add(f"{name}_relu1", "activation", value, kind="relu")
    first = _conv(graph, f"{name}_conv1", first, channels, 3, stride=2)
    second = graph.add(f"{name}_relu2", "activation", first, kind="relu")
    second = _conv(graph, f"{name}_conv2", second, channels, 3)
    beside = graph.add(f"{name}_mean", "pool", value, kernel=2, kind="avg", stride=2)
    beside = graph.add(
        f"{name}_project",
        "conv",
        beside,
        activation="none",
        channels=channels,
        groups=1,
        kernel=1,
        norm="none",
        stride=1,
    )
    return graph.add(f"{name}_sum", "add", (second, beside))
