"""The space of multilayer perceptrons: depth, and per layer width, activation, norm and skips."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Architecture, Edge, Genome, Node
from search_spaces.choices import Choice, Product, Switch, Tree
from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.operations import ACTIVATIONS, Shape
from search_spaces.space import SearchSpace


class MLPSpace(SearchSpace):
    """Multilayer perceptrons of varied depth, width, activation, normalisation and skip connections.

    Hidden layer i computes ``activation_i(norm(W_i z_i + b_i))`` where ``z_i`` is the output of the layer
    before, plus the outputs of any earlier hidden layer that is wired to it by a skip (cut or padded with
    zeros to the width of the layer before, as option A of He et al. 2016, https://arxiv.org/abs/1512.03385).
    Skips go over one layer and are optional connections: a generator may close them by a gate.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        depths: allowed numbers of hidden layers (0 is a linear model).
        widths: allowed widths of a hidden layer.
        activations: allowed activations, each of ``search_spaces.operations.ACTIVATIONS``.
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
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        self.shape = (inputs,)  # whatever the shape, these networks read the values flat
        for what, values, least in (("depths", depths, 0), ("widths", widths, 1)):
            if not all(isinstance(v, int) and not isinstance(v, bool) and v >= least for v in values):
                raise WeightloomError(f"space mlp: {what} must be integers of at least {least}, got {list(values)}")
        for activation in activations:
            if activation not in ACTIVATIONS:
                raise UnknownName("activation", activation, ACTIVATIONS)
        self.depths = tuple(depths)
        self.widths = tuple(widths)
        self.activations = tuple(activations)

    @cached_property
    def tree(self) -> Tree:
        """Depth first; it decides how many layers and skips follow."""
        return Product(
            (
                Choice("norm", ("none", "layer")),
                Switch("depth", tuple((depth, self._layers(depth)) for depth in self.depths)),
            )
        )

    def _layers(self, depth: int) -> Tree:
        layers = [
            part
            for i in range(1, depth + 1)
            for part in (Choice(f"width_{i}", self.widths), Choice(f"activation_{i}", self.activations))
        ]
        skips = [Choice(f"skip_{i}", (False, True)) for i in range(1, depth)]
        return Product((*layers, *skips))

    def compose(self, genome: Genome) -> Architecture:
        """Nodes ``input, hidden_1 … hidden_depth, output``; ``skip_i`` wires hidden_i past the next layer."""
        depth = int(genome["depth"])
        hidden = [
            Node(
                name=f"hidden_{i}",
                operation="dense",
                choices=(
                    ("activation", genome[f"activation_{i}"]),
                    ("norm", genome["norm"]),
                    ("width", genome[f"width_{i}"]),
                ),
            )
            for i in range(1, depth + 1)
        ]
        output = Node(
            name="output",
            operation="dense",
            choices=(("activation", "none"), ("norm", "none"), ("width", self.outputs)),
        )
        nodes = (Node(name="input", operation="input", choices=(("width", self.inputs),)), *hidden, output)
        names = [node.name for node in nodes]
        chain = [Edge(source=a, target=b) for a, b in itertools.pairwise(names)]
        skips = [
            Edge(source=names[i], target=names[i + 2], kind="skip", optional=True)
            for i in range(1, depth)
            if genome[f"skip_{i}"]
        ]
        return Architecture(space=self.name, nodes=nodes, edges=(*chain, *skips), genome=tuple(sorted(genome.items())))
