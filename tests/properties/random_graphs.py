"""Random spaces' architectures and random graphs."""

import numpy as np
from hypothesis import strategies as st

from search_spaces import Architecture, Edge, MLPSpace, Node

SPACE = MLPSpace(
    inputs=5,
    outputs=3,
    depths=(0, 1, 2, 3, 4),
    widths=(1, 2, 3, 6, 9),
    activations=("relu", "gelu", "silu", "tanh", "none"),
)


def architectures(space: MLPSpace = SPACE) -> st.SearchStrategy[Architecture]:
    return st.integers(0, 2**32 - 1).map(lambda seed: space.sample(np.random.default_rng(seed)))


@st.composite
def graphs(draw: st.DrawFn, most: int = 7) -> Architecture:
    """A random valid graph: each node has one main wire in, and any skips, optional or not."""
    count = draw(st.integers(2, most))
    nodes = [Node(name="x", operation="input", choices=(("width", 2),))]
    edges: list[Edge] = []
    for i in range(1, count):
        last = i == count - 1
        if not last and draw(st.integers(0, 3)) == 0:
            nodes.append(Node(name=f"n{i}", operation="identity"))
        else:
            width = 2 if last else draw(st.sampled_from([2, 3]))
            choices = (("activation", "relu"), ("norm", "none"), ("width", width))
            nodes.append(Node(name=f"n{i}", operation="dense", choices=choices))
        main = draw(st.integers(0, i - 1))
        edges.append(Edge(source=nodes[main].name, target=nodes[i].name))
        for j in range(i):
            kind = draw(st.sampled_from(["none", "none", "skip", "optional"])) if j != main else "none"
            if kind != "none":
                edges.append(Edge(source=nodes[j].name, target=nodes[i].name, kind="skip", optional=kind == "optional"))
    return Architecture(space="random", nodes=tuple(nodes), edges=tuple(edges))


def renamed(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """The same graph with other names, in another topological order, edges shuffled."""
    nodes, edges = architecture.nodes, architecture.edges
    names = {node.name: f"m{k}" for node, k in zip(nodes, rng.permutation(len(nodes)), strict=True)}
    left, order = list(nodes[1:-1]), [nodes[0]]
    while left:
        waiting = {node.name for node in left}
        ready = [n for n in left if not any(e.target == n.name and e.source in waiting for e in edges)]
        order.append(ready[int(rng.integers(len(ready)))])
        left.remove(order[-1])
    order.append(nodes[-1])
    return Architecture(
        space="renamed",
        nodes=tuple(Node(name=names[n.name], operation=n.operation, choices=n.choices) for n in order),
        edges=tuple(
            Edge(source=names[e.source], target=names[e.target], kind=e.kind, optional=e.optional)
            for e in (edges[int(k)] for k in rng.permutation(len(edges)))
        ),
    )
