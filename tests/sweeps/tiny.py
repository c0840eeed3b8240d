"""A space small enough to be listed, with conditional and numeric choices, and a score that has one optimum."""

import itertools

from search_spaces import Architecture, Choice, Edge, Node, Product, SearchSpace, Switch
from search_spaces.architecture import Genome
from search_spaces.choices import Tree


class TinySpace(SearchSpace):
    """One or two dense layers."""

    name = "tiny"

    @property
    def tree(self) -> Tree:
        second = Product((Choice("width_2", (2, 8, 16)), Choice("activation_2", ("relu", "tanh"))))
        return Product(
            (
                Choice("width_1", (2, 8, 16)),
                Choice("activation_1", ("relu", "tanh")),
                Switch("depth", ((1, Product(())), (2, second))),
            )
        )

    def compose(self, genome: Genome) -> Architecture:
        layers = [
            Node(
                name=f"hidden_{i}",
                operation="dense",
                choices=(
                    ("activation", genome[f"activation_{i}"]),
                    ("norm", "none"),
                    ("width", genome[f"width_{i}"]),
                ),
            )
            for i in range(1, int(genome["depth"]) + 1)
        ]
        output = Node(
            name="output",
            operation="dense",
            choices=(("activation", "none"), ("norm", "none"), ("width", self.outputs)),
        )
        nodes = (Node(name="input", operation="input", choices=(("width", self.inputs),)), *layers, output)
        edges = tuple(Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes))
        return Architecture(space="tiny", nodes=nodes, edges=edges, genome=tuple(sorted(genome.items())))


class Wide:
    """Wide and deep is good, tanh is better; the one best is 16 tanh, 16 tanh."""

    best_score: float | None = 42.0
    best_final_score: float | None = 42.0

    def score(self, architecture: Architecture) -> float:
        genome = dict(architecture.genome)
        widths = [int(value) for name, value in genome.items() if name.startswith("width")]
        tanh = sum(value == "tanh" for value in genome.values())
        return float(sum(widths) + 5 * tanh)

    def final_score(self, architecture: Architecture) -> float:
        return self.score(architecture)
