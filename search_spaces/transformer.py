"""Small transformers: vision transformers on images and the same on sequences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Genome
from search_spaces.arguments import heads_divide, known_words, whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Product, Switch, Tree
from search_spaces.errors import WeightloomError
from search_spaces.operations import ACTIVATIONS, ATTENTIONS, Shape


class TransformerSpace(AssembledSpace):
    """Transformers of varied depth, width, heads, MLP ratio, attention, norm place and patches.

    A convolution cuts the data into patches (Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1), learned
    positions may be added, then each layer is attention and a two-layer MLP, both with residual:

    - ``pre``: x + f(norm(x)), with one more norm at the end (eqs. 2 and 3 there);
    - ``post``: norm(x + f(x)) (Vaswani et al. 2017, section 3.1).

    The mean or maximum over positions goes to a linear classifier; there is no class token. The residual wire
    stays; the one through f is an optional connection, so that a generator may leave f out. Query, key, value
    and output of attention are linear layers of their own, so that each of their rows can be emitted.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        patches: allowed sides of a patch.
        widths: allowed numbers of channels; every one of ``heads`` must divide each.
        depths: allowed numbers of layers.
        heads: allowed numbers of heads of a layer.
        ratios: allowed widths of a layer's MLP, as multiples of the width.
        attentions: allowed kinds, each of ``operations.ATTENTIONS``, one for the whole network.
        activations: allowed activations of the MLPs, one for the whole network.
    """

    name: ClassVar[str] = "transformer"
    ranks: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int = 10,
        shape: Shape | None = None,
        patches: Sequence[int] = (2, 4),
        widths: Sequence[int] = (16, 24, 32),
        depths: Sequence[int] = (1, 2, 3),
        heads: Sequence[int] = (1, 2, 4),
        ratios: Sequence[int] = (1, 2, 4),
        attentions: Sequence[str] = ("full", "local", "linear"),
        activations: Sequence[str] = ("relu", "gelu", "silu"),
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        numbers = {"patches": patches, "widths": widths, "depths": depths, "heads": heads, "ratios": ratios}
        whole_numbers(self.name, 1, numbers)
        heads_divide(self.name, heads, widths)
        if max(patches) > min(self.shape[1:]):
            raise WeightloomError(
                f"space transformer: patches must be at most {min(self.shape[1:])} for examples of shape "
                f"{self.shape}, got {max(patches)}"
            )
        known_words(self.name, {"attention": (attentions, ATTENTIONS), "activation": (activations, ACTIVATIONS)})
        self.patches, self.widths, self.depths = tuple(patches), tuple(widths), tuple(depths)
        self.heads, self.ratios = tuple(heads), tuple(ratios)
        self.attentions, self.activations = tuple(attentions), tuple(activations)

    @cached_property
    def tree(self) -> Tree:
        """What holds for all layers, then their number, and heads and ratio of each."""
        layers = {
            depth: Product(
                tuple(
                    choice
                    for i in range(1, depth + 1)
                    for choice in (Choice(f"heads_{i}", self.heads), Choice(f"ratio_{i}", self.ratios))
                )
            )
            for depth in self.depths
        }
        return Product(
            (
                Choice("patch", self.patches),
                Choice("width", self.widths),
                Choice("position", (False, True)),
                Choice("attention", self.attentions),
                Choice("norm", ("layer", "rms")),
                Choice("place", ("pre", "post")),
                Choice("activation", self.activations),
                Choice("gated", (False, True)),
                Choice("head", ("avg", "max")),
                Switch("depth", tuple(layers.items())),
            )
        )

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Nodes ``patches``, ``position``, ``layerI_…``, ``head``, ``output``."""
        value = _linear(graph, "patches", DATA_NAME, int(genome["width"]), kernel=int(genome["patch"]))
        if genome["position"]:
            value = graph.add("position", "position", value)
        for i in range(1, int(genome["depth"]) + 1):
            for part in ("attention", "mlp"):
                name = f"layer{i}_{part}"
                before = graph.add(f"{name}_norm", "norm", value, kind=genome["norm"]) if _pre(genome) else value
                if part == "attention":
                    found = graph.add(name, "attention", before, heads=genome[f"heads_{i}"], kind=genome["attention"])
                else:
                    found = _mlp(graph, name, before, genome, int(genome[f"ratio_{i}"]))
                value = graph.add(f"{name}_sum", "add", value, optional=(found,))
                value = value if _pre(genome) else graph.add(f"{name}_norm", "norm", value, kind=genome["norm"])
        value = graph.add("last_norm", "norm", value, kind=genome["norm"]) if _pre(genome) else value
        value = graph.add("head", "global_pool", value, kind=genome["head"])
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)


def _pre(genome: Genome) -> bool:
    return genome["place"] == "pre"


def _mlp(graph: Assembly, name: str, source: str, genome: Genome, ratio: int) -> str:
    """Two linear layers at each position; gated, the first is a product of two (Shazeer 2020, eq. 6)."""
    width, activation = int(genome["width"]), str(genome["activation"])
    value = _linear(graph, f"{name}_wide", source, width * ratio, activation)
    if genome["gated"]:
        beside = _linear(graph, f"{name}_gate", source, width * ratio)
        value = graph.add(f"{name}_product", "multiply", (value, beside))
    return _linear(graph, name, value, width)


def _linear(graph: Assembly, name: str, source: str, channels: int, activation: str = "none", kernel: int = 1) -> str:
    """A linear layer at each position, or of each patch."""
    return graph.add(
        name,
        "conv",
        source,
        activation=activation,
        channels=channels,
        groups=1,
        kernel=kernel,
        norm="none",
        stride=kernel,
    )
