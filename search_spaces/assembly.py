"""A graph put together node by node, as spaces compose one."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.architecture import Architecture, Edge, Genome, Node, Value
from search_spaces.operations import OPERATIONS, Shape

DATA_NAME = "input"


class Assembly:
    """Nodes and wires so far; the first node is the data, of the operation that its rank asks for.

    Args:
        shape: of one example, channels first.

    Attributes:
        nodes, edges: so far.
        shapes: output shape of every node.
    """

    def __init__(self, shape: Shape) -> None:
        sides = {1: ("width",), 2: ("channels", "length"), 3: ("channels", "height", "width")}[len(shape)]
        operation = {1: "input", 2: "sequence", 3: "image"}[len(shape)]
        self.nodes = [Node(name=DATA_NAME, operation=operation, choices=tuple(zip(sides, shape, strict=True)))]
        self.edges: list[Edge] = []
        self.shapes: dict[str, Shape] = {DATA_NAME: shape}

    def add(
        self, name: str, operation: str, sources: str | Sequence[str], optional: Sequence[str] = (), **choices: Value
    ) -> str:
        """A node behind others; returns its name. What does not fit is refused, see ``operations.shapes``.

        Args:
            name: of the new node.
            operation: what it does.
            sources: what it reads, by wires that stay. One that comes twice is read through an identity.
            optional: what it reads besides, by wires that a generator may close.
            choices: of the operation.
        """
        read = (sources,) if isinstance(sources, str) else tuple(sources)
        node = Node(name=name, operation=operation, choices=tuple(choices.items()))
        self.shapes[name] = OPERATIONS[operation].shape(node, tuple(self.shapes[s] for s in (*read, *optional)))
        taken: set[str] = set()
        for place, source in enumerate((*read, *optional)):
            if source in taken:
                source = self.add(f"{name}_again{place}", "identity", source)
            taken.add(source)
            self.edges.append(Edge(source=source, target=name, optional=place >= len(read)))
        self.nodes.append(node)
        return name

    def join(self, name: str, sources: Sequence[str], optional: Sequence[str] = ()) -> str:
        """The sum of what is read; the source itself if there is only one."""
        return sources[0] if len(sources) == 1 and not optional else self.add(name, "add", sources, optional)

    def skip(self, source: str, target: str, *, optional: bool = True) -> None:
        """A skip wire into a node that is there: flat values, resized and added."""
        self.edges.append(Edge(source=source, target=target, kind="skip", optional=optional))

    def finish(self, space: str, genome: Genome) -> Architecture:
        """The architecture."""
        return Architecture(
            space=space, nodes=tuple(self.nodes), edges=tuple(self.edges), genome=tuple(sorted(genome.items()))
        )
