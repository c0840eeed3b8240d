"""Random graphs of convolutions, attention, recurrence, pools and joins that fit by construction."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces import Architecture, Edge, Node
from search_spaces.operations import OPERATIONS, Shape

Choices = tuple[tuple[str, int | str], ...]


def node(name: str, operation: str, **choices: int | str) -> Node:
    return Node(name=name, operation=operation, choices=tuple(choices.items()))


def unary(draw: st.DrawFn, name: str, shape: Shape) -> Node:
    """A node that fits behind a value of ``shape``."""
    activation = draw(st.sampled_from(["none", "relu", "gelu", "silu", "tanh", "sigmoid", "elu"]))
    if len(shape) == 1:
        kind = draw(st.sampled_from(["dense", "gated_dense", "norm", "activation", "zero", "identity"]))
        if kind in ("dense", "gated_dense"):
            norm = draw(st.sampled_from(["none", "layer", "rms"]))
            return node(name, kind, activation=activation, norm=norm, width=draw(st.sampled_from([2, 3])))
        if kind == "norm":
            return node(name, kind, kind=draw(st.sampled_from(["layer", "rms"])))
        return node(name, kind, kind="tanh") if kind == "activation" else node(name, kind)
    kinds = ["conv", "pool", "global_pool", "squeeze_excite", "flatten", "norm", "activation", "attention", "position"]
    kind = draw(st.sampled_from([*kinds, "identity", "zero", *(["recurrent"] if len(shape) == 2 else [])]))
    most = 2 * min(shape[1:]) - 1
    kernel = draw(st.sampled_from([k for k in (1, 2, 3, 5) if k <= most]))
    stride = draw(st.sampled_from([1, 1, 2, 3]))
    if kind == "conv":
        channels = draw(st.sampled_from([2, 4]))
        groups = draw(st.sampled_from([g for g in (1, 2, 4) if shape[0] % g == channels % g == 0]))
        norm = draw(st.sampled_from(["none", "group", "layer", "rms"]))
        return node(
            name, kind, activation=activation, channels=channels, groups=groups, kernel=kernel, norm=norm, stride=stride
        )
    if kind == "pool":
        return node(name, kind, kernel=kernel, kind=draw(st.sampled_from(["max", "avg"])), stride=stride)
    if kind == "attention":
        heads = draw(st.sampled_from([h for h in (1, 2) if shape[0] % h == 0]))
        return node(name, kind, heads=heads, kind=draw(st.sampled_from(["full", "causal", "local", "linear"])))
    choices: dict[str, dict[str, int | str]] = {
        "global_pool": {"kind": draw(st.sampled_from(["max", "avg"]))},
        "squeeze_excite": {"ratio": 2},
        "norm": {"kind": draw(st.sampled_from(["group", "layer", "rms"]))},
        "activation": {"kind": "relu"},
        "recurrent": {"width": 3},
    }
    return node(name, kind, **choices.get(kind, {}))


@st.composite
def spatial_graphs(draw: st.DrawFn, most: int = 8) -> Architecture:
    """A random valid graph over a sequence or an image: any operation, joins where shapes agree."""
    nodes = [
        draw(
            st.sampled_from(
                [node("x", "sequence", channels=2, length=6), node("x", "image", channels=2, height=4, width=5)]
            )
        )
    ]
    shapes: list[Shape] = [OPERATIONS[nodes[0].operation].shape(nodes[0], ())]
    edges: list[Edge] = []
    for i in range(1, draw(st.integers(2, most))):
        anchor = draw(st.integers(0, len(nodes) - 1))
        join = draw(st.sampled_from(["none", "none", "add", "concat", "multiply"]))
        if join == "none":
            made = unary(draw, f"n{i}", shapes[anchor])
            sources = [anchor]
        else:
            made = node(f"n{i}", join)
            alike = [j for j, s in enumerate(shapes) if s == shapes[anchor] and j != anchor]
            more = draw(st.lists(st.sampled_from(alike), unique=True, max_size=3)) if alike else []
            sources = [anchor, *more]
        for place, j in enumerate(sources):
            optional = place > 0 and join in ("add", "concat") and draw(st.booleans())
            edges.append(Edge(source=nodes[j].name, target=made.name, optional=optional))
        nodes.append(made)
        shapes.append(OPERATIONS[made.operation].shape(made, tuple(shapes[j] for j in sources)))
    last = len(nodes) - 1
    if len(shapes[last]) > 1:
        nodes.append(node("flat", "flatten"))
        edges.append(Edge(source=nodes[last].name, target="flat"))
    nodes.append(node("y", "dense", activation="none", norm="none", width=2))
    edges.append(Edge(source=nodes[-2].name, target="y"))
    return Architecture(space="random", nodes=tuple(nodes), edges=tuple(edges))
