"""NAS-Bench-Macro's space of chains (Su et al. 2021, https://arxiv.org/abs/2103.11922, appendix)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Genome
from search_spaces.arguments import whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Product, Tree, all_choices
from search_spaces.operations import Shape
from search_spaces.relaxation import Relaxation, Supernet, when

MACRO_BLOCKS: Mapping[str, tuple[int, int]] = {"identity": (0, 0), "mb3_k3": (3, 3), "mb6_k5": (6, 5)}
"""Block → expansion ratio and kernel, in the order of the table's digits 0, 1, 2."""
MACRO_STAGES = (2, 3, 3)
"""Blocks a resolution: the first of each halves it and doubles the channels."""


class MacroSpace(AssembledSpace):
    """NAS-Bench-Macro: a chain of 8 blocks, each an identity or one of two inverted bottlenecks.

    A convolution, then 2 + 3 + 3 blocks at three resolutions, a 1x1 convolution, a global mean and a linear
    classifier. An inverted bottleneck (Sandler et al. 2018, https://arxiv.org/abs/1801.04381) widens by its
    ratio, convolves each channel alone, narrows again, and adds its input where the shape is the same. Where
    an identity would have to halve the resolution it is a 1x1 convolution of stride 2. With ``channels=32,
    head=1280`` the layers are those of the table.

    Deviations from the paper: group norm with one group instead of batch norm, and convolutions with a bias,
    since running statistics are no weights that a generator could emit; sequences as well as images; where
    little is left of small data the kernel is the largest that fits.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        channels: after the first convolution.
        head: channels of the last convolution.
    """

    name: ClassVar[str] = "macro"
    ranks: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(
        self, *, inputs: int = 64, outputs: int = 10, shape: Shape | None = None, channels: int = 4, head: int = 64
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        whole_numbers(self.name, 1, {"channels": (channels,), "head": (head,)})
        self.channels = channels
        self.head = head

    @cached_property
    def tree(self) -> Tree:
        """One choice a block, from the input on."""
        return Product(tuple(Choice(f"block_{i}", tuple(MACRO_BLOCKS)) for i in range(1, sum(MACRO_STAGES) + 1)))

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Stem, blocks, head."""

        def block(number: int, value: str, channels: int, halve: bool) -> str:
            chosen = MACRO_BLOCKS[str(genome[f"block_{number}"])]
            found = _block(graph, f"block{number}", value, channels, chosen, halve)
            return found if halve or found == value else graph.add(f"block{number}_sum", "add", (value, found))

        self._chain(graph, block)

    def relax(self, genome: Genome) -> Relaxation:
        """All eight choices: each block is the sum of its options; nothing is held."""
        graph = Supernet(self.shape)

        def block(number: int, value: str, channels: int, halve: bool) -> str:
            wires = []
            for option, chosen in MACRO_BLOCKS.items():
                found = _block(graph, f"block{number}", value, channels, chosen, halve, f"__{option}")
                if found != value:
                    wires.append((found, when(f"block_{number}", option)))
            return graph.mix(f"block{number}_sum", wires, None if halve else value)

        self._chain(graph, block)
        return graph.relaxation(self.name, list(all_choices(self.tree)), genome)

    def _chain(self, graph: Assembly, block: Callable[[int, str, int, bool], str]) -> None:
        """The fixed network around the blocks, each of which ``block`` puts behind a value."""
        value = _conv(graph, "stem", DATA_NAME, self.channels, 3)
        number = 0
        for stage, depth in enumerate(MACRO_STAGES, start=1):
            for place in range(depth):
                number += 1
                value = block(number, value, self.channels * 2**stage, place == 0)
        value = _conv(graph, "head", value, self.head, 1)
        value = graph.add("mean", "global_pool", value, kind="avg")
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)


def _block(
    graph: Assembly, name: str, value: str, channels: int, chosen: tuple[int, int], halve: bool, option: str = ""
) -> str:
    """One block behind ``value``, without its input added; ``option`` ends the names of its nodes."""
    ratio, kernel = chosen
    stride = 2 if halve else 1
    if not ratio:
        return _conv(graph, name + option, value, channels, 1, stride=2, activation="none") if halve else value
    kernel = min(kernel, 2 * min(graph.shapes[value][1:]) - 1)  # the table's images are large enough for any
    inner = graph.shapes[value][0] * ratio
    wide = _conv(graph, f"{name}_widen{option}", value, inner, 1)
    each = _conv(graph, f"{name}_each{option}", wide, inner, kernel, stride=stride, groups=inner)
    return _conv(graph, f"{name}_narrow{option}", each, channels, 1, activation="none")


def _conv(
    graph: Assembly,
    name: str,
    value: str,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: str = "relu",
) -> str:
    return graph.add(
        name,
        "conv",
        value,
        activation=activation,
        channels=channels,
        groups=groups,
        kernel=kernel,
        norm="group",
        stride=stride,
    )
