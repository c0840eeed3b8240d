"""The macro space of convolutional networks: stages of blocks, on sequences (`conv1d`) or images (`conv2d`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Genome, Value
from search_spaces.arguments import known_words, whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Product, Switch, Tree, taken
from search_spaces.operations import ACTIVATIONS, SPATIAL_NORMS, Shape
from search_spaces.relaxation import Relaxation, Supernet, when

BLOCKS = ("plain", "bottleneck", "inverted", "separable")
GROUPED = ("plain", "bottleneck")
"""Blocks whose kernel convolution may have groups."""
REDUCTION, EXPANSION = 2, 2
"""A bottleneck has so many times fewer channels inside, an inverted one so many times more."""
SQUEEZE = 4
"""Ratio of squeeze-and-excitation."""


class ConvSpace(AssembledSpace):
    """Convolutional networks of stages; each stage has its own depth, width, kernel, block and so on.

    A convolution of kernel 3 (the stem), then the stages, then the mean or maximum over all positions and a
    linear classifier. The first block of a stage may reduce the positions, by its stride or by a pool before
    it. Blocks compute, with act(norm(·)) after every convolution but the last of a bottleneck:

    - ``plain``: one convolution (Simonyan & Zisserman 2015, arXiv:1409.1556);
    - ``bottleneck``: 1, kernel, 1 with half the channels inside (He et al. 2016, arXiv:1512.03385, figure 5);
    - ``inverted``: 1, depthwise kernel, 1 with twice the channels inside (Sandler et al. 2018,
      arXiv:1801.04381, table 1); the paper expands 6 times;
    - ``separable``: depthwise kernel, 1 (Howard et al. 2017, arXiv:1704.04861, figure 3).

    Groups are those of the kernel convolution in plain and bottleneck blocks; a block that changes the number
    of channels to one they do not divide takes the greatest common divisor. A kernel that is larger than its
    input is cut to fit, and a pool is left out where one position is left. With ``residual`` a block adds its
    input where shapes agree; the wire around it stays and the one through it is an optional connection, so that
    a generator may leave the block out. Norms are never batch norms (see ``operations.SPATIAL_NORMS``).

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        stages: allowed numbers of stages.
        depths: allowed numbers of blocks in a stage.
        widths: allowed numbers of channels of a stage.
        kernels: allowed sides of its windows.
        groups: allowed numbers of groups.
        strides: allowed strides of its first block.
        blocks: allowed blocks, each of ``BLOCKS``.
        activations: allowed activations, one for the whole network.
        norms: allowed norms, one for the whole network, each of ``operations.SPATIAL_NORMS``.
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int = 10,
        shape: Shape | None = None,
        stages: Sequence[int] = (1, 2, 3),
        depths: Sequence[int] = (1, 2),
        widths: Sequence[int] = (8, 12, 16, 24, 32),
        kernels: Sequence[int] = (1, 3, 5),
        groups: Sequence[int] = (1, 2, 4),
        strides: Sequence[int] = (1, 2),
        blocks: Sequence[str] = BLOCKS,
        activations: Sequence[str] = ("relu", "gelu", "silu"),
        norms: Sequence[str] = ("none", "group", "layer"),
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        numbers = {
            "stages": stages,
            "depths": depths,
            "widths": widths,
            "kernels": kernels,
            "groups": groups,
            "strides": strides,
        }
        whole_numbers(self.name, 1, numbers)
        known_words(
            self.name,
            {"block": (blocks, BLOCKS), "activation": (activations, ACTIVATIONS), "norm": (norms, SPATIAL_NORMS)},
        )
        self.stages = tuple(stages)
        self.depths, self.widths, self.kernels = tuple(depths), tuple(widths), tuple(kernels)
        self.groups, self.strides = tuple(groups), tuple(strides)
        self.blocks, self.activations, self.norms = tuple(blocks), tuple(activations), tuple(norms)

    @cached_property
    def tree(self) -> Tree:
        """What holds for the whole network, then the number of stages and what each of them is."""
        return Product(
            (
                Choice("activation", self.activations),
                Choice("norm", self.norms),
                Choice("head", ("avg", "max")),
                Switch("stages", tuple((n, Product(tuple(map(self._stage, range(1, n + 1))))) for n in self.stages)),
            )
        )

    def _stage(self, i: int) -> Tree:
        kinds: list[tuple[Value, Tree]] = []
        for block in self.blocks:
            grouped = (Choice(f"groups_{i}", self.groups),) if block in GROUPED else ()
            kinds.append((block, Product(grouped)))
        return Product(
            (
                Choice(f"depth_{i}", self.depths),
                Choice(f"width_{i}", self.widths),
                Choice(f"kernel_{i}", self.kernels),
                Choice(f"stride_{i}", self.strides),
                Choice(f"pool_{i}", ("none", "max", "avg")),
                Choice(f"squeeze_{i}", (False, True)),
                Choice(f"residual_{i}", (False, True)),
                Switch(f"block_{i}", tuple(kinds)),
            )
        )

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Nodes ``stem``, ``stageI_blockJ_…``, ``head``, ``output``."""
        build = _Blocks(graph, str(genome["activation"]), str(genome["norm"]))

        def block(name: str, source: str, i: int, stage: Genome, stride: int) -> str:
            value = build.path(name, source, stage, stride)
            if stage["squeeze"]:
                value = graph.add(f"{name}_squeeze", "squeeze_excite", value, ratio=SQUEEZE)
            if stage["residual"] and graph.shapes[source] == graph.shapes[value]:
                value = graph.add(f"{name}_sum", "add", source, optional=(value,))
            return value

        self._stages(build, genome, block)

    def relax(self, genome: Genome) -> Relaxation:
        """Kernels, squeeze-and-excitation and residual wires of all stages, side by side; all else is held."""
        graph = Supernet(self.shape)
        build = _Blocks(graph, str(genome["activation"]), str(genome["norm"]))

        def block(name: str, source: str, i: int, stage: Genome, stride: int) -> str:
            paths = [
                (
                    build.path(name, source, {**stage, "kernel": kernel}, stride, f"__{kernel}"),
                    when(f"kernel_{i}", kernel),
                )
                for kernel in self.kernels
            ]
            value = graph.mix(f"{name}_kernels", paths)
            squeezed = graph.add(f"{name}_squeeze__True", "squeeze_excite", value, ratio=SQUEEZE)
            wires = [(value, when(f"squeeze_{i}", False)), (squeezed, when(f"squeeze_{i}", True))]
            if graph.shapes[source] == graph.shapes[value]:
                wires.append((source, when(f"residual_{i}", True)))
            return graph.mix(f"{name}_sum", wires)

        self._stages(build, genome, block)
        relaxed = [
            c for c in taken(self.tree, genome).values() if c.name.startswith(("kernel_", "squeeze_", "residual_"))
        ]
        return graph.relaxation(self.name, relaxed, genome)

    def _stages(self, build: _Blocks, genome: Genome, block: Callable[[str, str, int, Genome, int], str]) -> None:
        """The whole network, with what ``block`` puts behind a value in the place of each block."""
        graph = build.graph
        value = build.conv("stem", DATA_NAME, int(genome["width_1"]), 3)
        for i in range(1, int(genome["stages"]) + 1):
            stage = {name.rpartition("_")[0]: value for name, value in genome.items() if name.endswith(f"_{i}")}
            if stage["pool"] != "none" and min(graph.shapes[value][1:]) > 1:
                value = graph.add(f"stage{i}_pool", "pool", value, kernel=2, kind=stage["pool"], stride=2)
            for j in range(1, int(stage["depth"]) + 1):
                value = block(f"stage{i}_block{j}", value, i, stage, int(stage["stride"]) if j == 1 else 1)
        value = graph.add("head", "global_pool", value, kind=genome["head"])
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)


@dataclass(frozen=True)
class _Blocks:
    """What convolutions and blocks put into a graph, with one activation and norm."""

    graph: Assembly
    activation: str
    norm: str

    def conv(
        self,
        name: str,
        source: str,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ) -> str:
        """Convolution, norm, and activation unless ``linear``."""
        shape = self.graph.shapes[source]
        return self.graph.add(
            name,
            "conv",
            source,
            activation="none" if linear else self.activation,
            channels=channels,
            groups=math.gcd(groups, shape[0], channels),
            kernel=min(kernel, 2 * min(shape[1:]) - 1),
            norm=self.norm,
            stride=stride,
        )

    def path(self, name: str, source: str, stage: Genome, stride: int, option: str = "") -> str:
        """The convolutions of one block of a stage; returns what they put out. ``option`` ends the names of nodes."""
        width, kernel, channels = int(stage["width"]), int(stage["kernel"]), self.graph.shapes[source][0]
        groups = int(stage["groups"]) if stage["block"] in GROUPED else 1
        if stage["block"] == "plain":
            return self.conv(f"{name}_conv{option}", source, width, kernel, stride=stride, groups=groups)
        if stage["block"] == "bottleneck":
            inner = max(1, width // REDUCTION)
            value = self.conv(f"{name}_reduce{option}", source, inner, 1)
            value = self.conv(f"{name}_conv{option}", value, inner, kernel, stride=stride, groups=groups)
            return self.conv(f"{name}_expand{option}", value, width, 1, linear=True)
        if stage["block"] == "inverted":
            inner = EXPANSION * channels
            value = self.conv(f"{name}_expand{option}", source, inner, 1)
            value = self.conv(f"{name}_conv{option}", value, inner, kernel, stride=stride, groups=inner)
            return self.conv(f"{name}_reduce{option}", value, width, 1, linear=True)
        value = self.conv(f"{name}_conv{option}", source, channels, kernel, stride=stride, groups=channels)
        return self.conv(f"{name}_mix{option}", value, width, 1)


class Conv1dSpace(ConvSpace):
    """Convolutional networks on sequences, stage by stage; see `ConvSpace`."""

    name: ClassVar[str] = "conv1d"
    ranks: ClassVar[tuple[int, ...]] = (2,)


class Conv2dSpace(ConvSpace):
    """Convolutional networks on images, stage by stage; see `ConvSpace`."""

    name: ClassVar[str] = "conv2d"
    ranks: ClassVar[tuple[int, ...]] = (3,)
