"""The space of multilayer perceptrons: depth, and per layer width, activation, norm, unit and wiring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Genome
from search_spaces.arguments import known_words, whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Product, Switch, Tree, taken
from search_spaces.operations import ACTIVATIONS, NORMS, Shape
from search_spaces.relaxation import Relaxation, Supernet, always, when

UNITS = {"dense": "dense", "gated": "gated_dense"}
"""Words of ``units`` and their operations."""
WIRINGS = ("skips", "residual", "dense")


class MLPSpace(AssembledSpace):
    """Multilayer perceptrons of varied depth, width, activation, normalisation and skip connections.

    Hidden layer i computes ``activation_i(norm(W_i z_i + b_i))``, or as a gated unit ``norm((W_i z_i + b_i) *
    activation_i(V_i z_i + c_i))`` (Shazeer 2020, arXiv:2002.05202, eq. 5). What ``z_i`` is, the wiring says:

    - ``skips``: the output of the layer before, plus the outputs of any earlier hidden layer that is wired to it
      by a skip over one layer (cut or padded with zeros to the width of the layer before, as option A of
      He et al. 2016, https://arxiv.org/abs/1512.03385);
    - ``residual``: plus those of all earlier hidden layers, which is the sum that a residual network hands on;
    - ``dense``: all earlier hidden outputs side by side (Huang et al. 2017, arXiv:1608.06993, eq. 2).

    Wires other than from the layer before are optional connections: a generator may close them by a gate.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        depths: allowed numbers of hidden layers (0 is a linear model).
        widths: allowed widths of a hidden layer.
        activations: allowed activations, each of ``search_spaces.operations.ACTIVATIONS``.
        norms: allowed norms, one for the whole network, each of ``search_spaces.operations.NORMS``.
        units: allowed units of a layer, ``dense`` or ``gated``; with one of them it is no choice.
        wirings: allowed wirings, one for the whole network; with one of them it is no choice.
    """

    name: ClassVar[str] = "mlp"

    def __init__(
        self,
        *,
        inputs: int = 64,
        outputs: int = 10,
        shape: Shape | None = None,
        depths: Sequence[int] = (1, 2, 3),
        widths: Sequence[int] = (8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48),
        activations: Sequence[str] = ("relu", "gelu", "silu", "tanh"),
        norms: Sequence[str] = ("none", "layer"),
        units: Sequence[str] = ("dense",),
        wirings: Sequence[str] = ("skips",),
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        self.shape = (inputs,)  # whatever the shape, these networks read the values flat
        whole_numbers(self.name, 0, {"depths": depths})
        whole_numbers(self.name, 1, {"widths": widths})
        known_words(
            self.name,
            {
                "activation": (activations, ACTIVATIONS),
                "norm": (norms, NORMS),
                "unit": (units, UNITS),
                "wiring": (wirings, WIRINGS),
            },
        )
        self.depths = tuple(depths)
        self.widths = tuple(widths)
        self.activations = tuple(activations)
        self.norms = tuple(norms)
        self.units = tuple(units)
        self.wirings = tuple(wirings)

    @cached_property
    def tree(self) -> Tree:
        """Norm and wiring, then depth, which decides how many layers and skips follow."""
        by_wiring = {
            wiring: Switch("depth", tuple((depth, self._layers(depth, wiring)) for depth in self.depths))
            for wiring in self.wirings
        }
        (_, only), *more = by_wiring.items()
        return Product((Choice("norm", self.norms), Switch("wiring", tuple(by_wiring.items())) if more else only))

    def _layers(self, depth: int, wiring: str) -> Tree:
        layers: list[Tree] = []
        for i in range(1, depth + 1):
            layers += [Choice(f"width_{i}", self.widths), Choice(f"activation_{i}", self.activations)]
            if len(self.units) > 1:
                layers.append(Choice(f"unit_{i}", self.units))
        skips = [Choice(f"skip_{i}", (False, True)) for i in range(1, depth)] if wiring == "skips" else []
        return Product((*layers, *skips))

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Nodes ``input, hidden_1 … hidden_depth, output``; ``skip_i`` wires hidden_i past the next layer."""
        wiring = _chosen(genome, "wiring", self.wirings)
        before = [DATA_NAME]
        for i in range(1, int(genome["depth"]) + 1):
            before.append(
                graph.add(
                    f"hidden_{i}",
                    UNITS[_chosen(genome, f"unit_{i}", self.units)],
                    _read(graph, i, before, wiring == "dense"),
                    activation=genome[f"activation_{i}"],
                    norm=genome["norm"],
                    width=genome[f"width_{i}"],
                )
            )
        last = _read(graph, len(before), before, wiring == "dense")
        before.append(graph.add("output", "dense", last, activation="none", norm="none", width=self.outputs))
        for i, j in _over(len(before), wiring):
            if wiring == "residual" or genome[f"skip_{i}"]:
                graph.skip(before[i], before[j])

    def relax(self, genome: Genome) -> Relaxation:
        """Activations and skips: a layer is the sum of one for each activation. Depth, widths and all else are held."""
        graph = Supernet(self.shape)
        wiring = _chosen(genome, "wiring", self.wirings)
        before, options = [DATA_NAME], [[DATA_NAME]]
        for i in range(1, int(genome["depth"]) + 1):
            unit = UNITS[_chosen(genome, f"unit_{i}", self.units)]
            source = _read(graph, i, before, wiring == "dense")
            norm, width = genome["norm"], genome[f"width_{i}"]
            names = {kind: f"hidden_{i}__{kind}" for kind in self.activations}
            options.append(
                [graph.add(name, unit, source, activation=kind, norm=norm, width=width) for kind, name in names.items()]
            )
            before.append(
                graph.mix(f"hidden_{i}_sum", [(name, when(f"activation_{i}", kind)) for kind, name in names.items()])
            )
        last = _read(graph, len(before), before, wiring == "dense")
        before.append(graph.add("output", "dense", last, activation="none", norm="none", width=self.outputs))
        options.append(before[-1:])
        for i, j in _over(len(before), wiring):
            for target in options[j]:
                graph.gated_skip(before[i], target, always if wiring == "residual" else when(f"skip_{i}", True))
        relaxed = [c for c in taken(self.tree, genome).values() if c.name.startswith(("activation_", "skip_"))]
        return graph.relaxation(self.name, relaxed, genome)


def _chosen(genome: Genome, gene: str, words: Sequence[str]) -> str:
    """What the genome says, or the only word, which is no choice."""
    return str(genome[gene]) if len(words) > 1 else words[0]


def _over(layers: int, wiring: str) -> Iterator[tuple[int, int]]:
    """The places of layers between which there may be a skip; the first one is the data, the last the output."""
    for i in range(1, layers - 2):
        for j in range(i + 2, layers):
            if wiring == "residual" or (wiring == "skips" and j == i + 2):
                yield i, j


def _read(graph: Assembly, layer: int, before: Sequence[str], all_of_them: bool) -> str:
    """What a layer reads: the one before, or all hidden ones before side by side, the nearest first."""
    if not all_of_them or len(before) < 3:
        return before[-1]
    return graph.add(f"read_{layer}", "concat", before[-1], optional=before[-2:0:-1])
