"""Free graphs: a grammar grows them node by node, each choice offering only what fits the shapes so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from search_spaces.architecture import Genome, Value
from search_spaces.arguments import heads_divide, known_words, whole_numbers
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Choice, Grown, Product, Switch, Tree
from search_spaces.errors import WeightloomError
from search_spaces.operations import ACTIVATIONS, ATTENTIONS, SPATIAL_NORMS, Shape

UNARY = ("conv", "depthwise", "attention", "recurrent", "pool", "squeeze")
JOINS = ("gate", "add", "concat")
"""What reads a second node besides."""
ALWAYS = frozenset({"conv", "depthwise", "attention", "squeeze"})
"""What fits any sequence or image."""
POOLS = ("max", "avg")
STRIDES = (1, 2)
SQUEEZE = 4
"""Ratio of squeeze-and-excitation."""


@dataclass(frozen=True)
class Sketch:
    """A graph so far, as much of it as decides what may follow.

    Attributes:
        nodes: how many it is to have besides the stem.
        shapes: of the stem and the nodes there are.
    """

    nodes: int
    shapes: tuple[Shape, ...]


class DagSpace(AssembledSpace):
    """Free typed graphs of convolution, attention, recurrence, pooling, gating, sums and concatenations.

    A convolution (``stem``) comes first, then nodes 1, 2, …: each reads one of the ``reach`` nodes before it
    (``from_i``) and is one of

    - ``conv``: convolution, norm, activation, to any of ``widths``; ``depthwise``: the same with a window for
      each channel by itself. Where there are positions enough, either may halve them (``stride_i``);
    - ``attention`` over all positions, behind a norm unless the network has none;
    - ``recurrent``: a gated recurrent unit over the positions, of sequences only;
    - ``pool``: the greatest or mean of each two positions an axis, where there are enough;
    - ``squeeze``: squeeze-and-excitation, which gates channels by their means;
    - ``gate``: the node it reads times the sigmoid of another one of equal shape (``with_i``);
    - ``add``: the sum with another one of equal shape;
    - ``concat``: its channels and those of another one of as many positions, up to ``most_channels`` in all.

    So operations, wiring, width and resolution are all chosen, and nothing has to be thrown away: the tree
    knows every shape while it grows (`choices.Grown`) and offers what fits it. An operation that does not fit
    is left out of the options of ``op_i``, and since a name stands for one set of options the name then says
    so: ``op_3@-pool-add`` is the operation of node 3 where neither pool nor add fits; ``with_4@0.2`` is the
    second node read where only nodes 0 (the stem) and 2 fit.

    What nobody reads is averaged over positions (or its maximum taken) and goes to the linear classifier, side
    by side; so no node is dead. The wire of an ``add`` or ``concat`` to its second node and those of all loose
    ends but the last into the classifier are optional connections. A random graph has few chains, since a
    classifier reads many nodes; ``reach`` keeps them deep, and with ``reach`` of at least ``max(nodes)`` any
    graph of these operations with at most two wires into a node is in the space.

    Args:
        inputs, outputs, shape: see ``SearchSpace``.
        nodes: allowed numbers of nodes besides the stem.
        reach: a node's first wire comes from at most so many nodes before it.
        widths: allowed channels of convolutions and recurrent nodes; every one of ``heads`` must divide each.
        kernels: allowed sides of windows.
        heads: allowed numbers of attention heads.
        attentions: allowed kinds, each of ``operations.ATTENTIONS``.
        operations: allowed operations, each of ``UNARY`` or ``JOINS``.
        activations: allowed activations, one for the whole network.
        norms: allowed norms, one for the whole network, each of ``operations.SPATIAL_NORMS``.
        shortest: no axis is reduced to fewer positions than that.
        most_channels: of a concatenation.
    """

    name: ClassVar[str] = "dag"
    ranks: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int = 10,
        shape: Shape | None = None,
        nodes: Sequence[int] = (3, 4, 5, 6, 7, 8),
        reach: int = 4,
        widths: Sequence[int] = (8, 16, 32),
        kernels: Sequence[int] = (1, 3, 5),
        heads: Sequence[int] = (1, 2, 4),
        attentions: Sequence[str] = ("full", "local", "linear"),
        operations: Sequence[str] = (*UNARY, *JOINS),
        activations: Sequence[str] = ("relu", "gelu", "silu"),
        norms: Sequence[str] = ("none", "group", "layer"),
        shortest: int = 4,
        most_channels: int = 64,
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        single = {"reach": (reach,), "shortest": (shortest,), "most_channels": (most_channels,)}
        whole_numbers(self.name, 1, {"nodes": nodes, "widths": widths, "kernels": kernels, "heads": heads, **single})
        known_words(
            self.name,
            {
                "operation": (operations, (*UNARY, *JOINS)),
                "attention": (attentions, ATTENTIONS),
                "activation": (activations, ACTIVATIONS),
                "norm": (norms, SPATIAL_NORMS),
            },
        )
        heads_divide(self.name, heads, widths)
        if not ALWAYS & set(operations):
            raise WeightloomError(
                f"space dag: expected one of {', '.join(sorted(ALWAYS))} among operations, got {list(operations)}; "
                "the others do not fit everywhere"
            )
        least = min(shortest, *self.shape[1:])
        if max(kernels, default=1) > 2 * least - 1:
            raise WeightloomError(
                f"space dag: kernels must be at most {2 * least - 1} for examples of shape {self.shape} and shortest "
                f"{shortest}, got {max(kernels)}"
            )
        self.nodes, self.reach, self.widths, self.kernels = tuple(nodes), reach, tuple(widths), tuple(kernels)
        self.heads, self.attentions = tuple(heads), tuple(attentions)
        self.operations = tuple(o for o in operations if o != "recurrent" or len(self.shape) == 2)
        self.activations, self.norms = tuple(activations), tuple(norms)
        self.shortest, self.most_channels = shortest, most_channels

    @cached_property
    def tree(self) -> Tree:
        """What holds for the whole network, then the number of nodes, the stem, and node after node."""
        return Product(
            (
                Choice("activation", self.activations),
                Choice("norm", self.norms),
                Choice("head", ("avg", "max")),
                Switch("nodes", tuple((count, self._conv(Sketch(count, ()), self.shape)) for count in self.nodes)),
            )
        )

    def _node(self, sketch: Sketch) -> Tree:
        """The next node and all that follow: first, what it reads, the nearest first."""
        i = len(sketch.shapes)
        if i > sketch.nodes:
            return Product(())
        sources = range(i - 1, max(0, i - self.reach) - 1, -1)
        return Switch(f"from_{i}", tuple((j, Grown((sketch, j), self._operation, self._bound_at)) for j in sources))

    def _operation(self, place: tuple[Sketch, int]) -> Tree:
        """The operation of a node that reads node j; only what fits its shape is offered."""
        sketch, j = place
        fitting = [name for name in self.operations if self._fits(name, sketch, j)]
        missing = "".join(f"-{name}" for name in self.operations if name not in fitting)
        name = f"op_{len(sketch.shapes)}" + (f"@{missing}" if missing else "")
        return Switch(name, tuple((o, Grown((sketch, j, o), self._settings, self._bound_at)) for o in fitting))

    def _fits(self, operation: str, sketch: Sketch, j: int) -> bool:
        if operation == "pool":
            return self._reducible(sketch.shapes[j])
        return operation in UNARY or bool(self._partners(operation, sketch, j))

    def _settings(self, place: tuple[Sketch, int, str]) -> Tree:
        """The choices of an operation behind node j, and all nodes that follow."""
        sketch, j, operation = place
        i, shape = len(sketch.shapes), sketch.shapes[j]
        if operation in JOINS:
            partners = self._partners(operation, sketch, j)
            name = f"with_{i}@{'.'.join(map(str, partners))}"
            return Switch(name, tuple((k, self._after(sketch, joined)) for k, joined in partners.items()))
        if operation == "conv":
            return self._conv(sketch, shape)
        if operation == "depthwise":
            return self._window(sketch, shape)
        if operation == "attention":
            kinds = (Choice(f"heads_{i}", self.heads), Choice(f"kind_{i}", self.attentions))
            return Product((*kinds, self._after(sketch, shape)))
        if operation == "recurrent":
            return Switch(f"width_{i}", tuple((w, self._after(sketch, (w, *shape[1:]))) for w in self.widths))
        if operation == "pool":
            return Product((Choice(f"pool_{i}", POOLS), self._after(sketch, _halved(shape))))
        return self._after(sketch, shape)

    def _partners(self, operation: str, sketch: Sketch, j: int) -> dict[int, Shape]:
        """Nodes that node j may be joined with, and the shape that comes of it."""
        shape, most = sketch.shapes[j], self.most_channels
        others = [(k, other) for k, other in enumerate(sketch.shapes) if k != j and other[1:] == shape[1:]]
        if operation == "concat":
            return {k: (n, *shape[1:]) for k, other in others if (n := shape[0] + other[0]) <= most}
        return {k: shape for k, other in others if other == shape}

    def _conv(self, sketch: Sketch, source: Shape) -> Tree:
        widths = ((width, self._window(sketch, (width, *source[1:]))) for width in self.widths)
        return Switch(f"width_{len(sketch.shapes)}", tuple(widths))

    def _window(self, sketch: Sketch, shape: Shape) -> Tree:
        """Kernel, and stride where there are positions enough; ``shape`` is what comes out at stride 1."""
        i = len(sketch.shapes)
        after: Tree = self._after(sketch, shape)
        if self._reducible(shape):
            after = Switch(f"stride_{i}", ((1, after), (2, self._after(sketch, _halved(shape)))))
        return Product((Choice(f"kernel_{i}", self.kernels), after))

    def _after(self, sketch: Sketch, shape: Shape) -> Grown:
        return Grown(Sketch(sketch.nodes, (*sketch.shapes, shape)), self._node, self._bound)

    def _reducible(self, shape: Shape) -> bool:
        return min(_halved(shape)[1:]) >= self.shortest

    def _bound(self, sketch: Sketch) -> int:
        """Genomes from here on if every operation fitted behind every node, with every node as its second."""
        total = 1
        for i in range(len(sketch.shapes), sketch.nodes + 1):
            total *= min(i, self.reach) * self._most(i)
        return total

    def _bound_at(self, place: tuple[Sketch, int] | tuple[Sketch, int, str]) -> int:
        """The same once the next node's source is chosen, or its operation too."""
        i = len(place[0].shapes)
        return self._bound(place[0]) // min(i, self.reach)

    def _most(self, i: int) -> int:
        """Most choices that node i has once its first source is chosen."""
        windows = len(self.kernels) * len(STRIDES)
        counts = {
            "conv": len(self.widths) * windows,
            "depthwise": windows,
            "attention": len(self.heads) * len(self.attentions),
            "recurrent": len(self.widths),
            "pool": len(POOLS),
            "squeeze": 1,
        }
        return sum(counts.get(operation, i - 1) for operation in self.operations)

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Nodes ``stem``, ``nodeI`` with helpers ``nodeI_…``, ``head…`` for the loose ends, ``output``."""
        genes = {name.partition("@")[0]: value for name, value in genome.items()}
        names = [self._add_conv(graph, "stem", DATA_NAME, genes, 0)]
        for i in range(1, int(genome["nodes"]) + 1):
            names.append(self._add_node(graph, f"node{i}", i, names, genes))
        read = {edge.source for edge in graph.edges}
        ends = [
            graph.add(f"head{i}", "global_pool", name, kind=genome["head"])
            for i, name in enumerate(names)
            if name not in read
        ]
        value = ends[-1] if len(ends) == 1 else graph.add("heads", "concat", ends[-1], optional=ends[-2::-1])
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)

    def _add_node(self, graph: Assembly, name: str, i: int, names: Sequence[str], genes: Mapping[str, Value]) -> str:
        operation, source = genes[f"op_{i}"], names[int(genes[f"from_{i}"])]
        if operation in ("conv", "depthwise"):
            return self._add_conv(graph, name, source, genes, i, depthwise=operation == "depthwise")
        if operation == "attention":
            if genes["norm"] != "none":
                source = graph.add(f"{name}_norm", "norm", source, kind=genes["norm"])
            return graph.add(name, "attention", source, heads=genes[f"heads_{i}"], kind=genes[f"kind_{i}"])
        if operation == "recurrent":
            return graph.add(name, "recurrent", source, width=genes[f"width_{i}"])
        if operation == "pool":
            return graph.add(name, "pool", source, kernel=2, kind=genes[f"pool_{i}"], stride=2)
        if operation == "squeeze":
            return graph.add(name, "squeeze_excite", source, ratio=SQUEEZE)
        other = names[int(genes[f"with_{i}"])]
        if operation == "gate":
            return graph.add(name, "multiply", (source, graph.add(f"{name}_gate", "activation", other, kind="sigmoid")))
        return graph.add(name, str(operation), source, optional=(other,))

    def _add_conv(
        self, graph: Assembly, name: str, source: str, genes: Mapping[str, Value], i: int, *, depthwise: bool = False
    ) -> str:
        shape = graph.shapes[source]
        channels = shape[0] if depthwise else int(genes[f"width_{i}"])
        return graph.add(
            name,
            "conv",
            source,
            activation=genes["activation"],
            channels=channels,
            groups=channels if depthwise else 1,
            kernel=genes[f"kernel_{i}"],
            norm=genes["norm"],
            stride=genes[f"stride_{i}"] if self._reducible(shape) else 1,
        )


def _halved(shape: Shape) -> Shape:
    return (shape[0], *(-(-side // 2) for side in shape[1:]))
