"""What does not fit is refused before it is built, by node, with what would be allowed."""

import itertools

import pytest

from search_spaces import Architecture, Blueprint, Edge, MLPSpace, Node, WeightloomError
from search_spaces.operations import check, flops, memory, parameters, shapes

CONV = {"activation": "relu", "channels": 4, "groups": 1, "kernel": 3, "norm": "none", "stride": 1}


def node(name: str, operation: str, **choices: int | str) -> Node:
    return Node(name=name, operation=operation, choices=tuple(choices.items()))


def conv(name: str = "a", **changes: int | str) -> Node:
    return node(name, "conv", **{**CONV, **changes})


FLAT = node("g", "flatten")
DATA = {
    "flat": node("x", "input", width=6),
    "sequence": node("x", "sequence", channels=2, length=6),
    "image": node("x", "image", channels=2, height=3, width=5),
}
END = node("y", "dense", activation="none", norm="none", width=2)


def chain(data: str, *inner: Node, more: tuple[Edge, ...] = ()) -> Architecture:
    nodes = (DATA[data], *inner, END)
    edges = [Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes)]
    return Architecture(space="hand", nodes=nodes, edges=(*edges, *more))


UNFIT = {
    "conv on flat": (chain("flat", conv()), r"'a' \(conv\): expected a sequence or an image, got shape \(6,\)"),
    "kernel too large": (chain("sequence", conv(kernel=12), FLAT), "kernel of at most 11 .* got 12"),
    "kernel beyond the short side": (chain("image", conv(kernel=6), FLAT), "at most 5 .* got 6"),
    "pool kernel": (chain("image", node("a", "pool", kernel=7, kind="avg", stride=1), FLAT), "at most"),
    "groups of the input": (
        chain("sequence", conv(groups=4), FLAT),
        r"2 input channels, got 4.*\[1, 2",
    ),
    "groups of the output": (chain("sequence", conv(groups=2, channels=3), FLAT), "3 output channels"),
    "heads": (
        chain("sequence", node("a", "attention", heads=3, kind="full"), FLAT),
        "heads that divide",
    ),
    "recurrent image": (chain("image", node("a", "recurrent", width=3), FLAT), "expected a sequence"),
    "dense on a sequence": (chain("sequence"), r"'y' \(dense\): expected a flat input, got shape \(2, 6\).*flatten"),
    "group norm of flat": (chain("flat", node("a", "norm", kind="group")), "'layer' or 'rms'"),
    "kind": (chain("sequence", node("a", "pool", kernel=1, kind="mean", stride=1)), "kind must be one of"),
    "stride 0": (chain("sequence", conv(stride=0)), "integer from 1"),
    "second data": (chain("flat", node("a", "image", channels=1, height=1, width=1)), "only the first"),
    "unequal sum": (
        chain("sequence", conv(), node("s", "add"), FLAT, more=(Edge(source="x", target="s"),)),
        r"'s' \(add\): expected inputs of one shape, got \(4, 6\) and \(2, 6\)",
    ),
    "unequal concat": (
        chain("sequence", conv(stride=2), node("s", "concat"), FLAT, more=(Edge(source="x", target="s"),)),
        r"differ in channels only, got \(4, 3\) and \(2, 6\)",
    ),
    "optional product": (
        chain(
            "sequence",
            node("i", "identity"),
            node("s", "multiply"),
            FLAT,
            more=(Edge(source="x", target="s", optional=True),),
        ),
        "must not be optional",
    ),
    "skip into a conv": (
        chain(
            "sequence",
            conv("b", channels=2),
            conv(),
            FLAT,
            more=(Edge(source="x", target="a", kind="skip"),),
        ),
        "expected no skip edge",
    ),
    "end that is not flat": (chain("sequence", node("z", "recurrent", width=3)), "flat"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_refused(name: str) -> None:
    architecture, message = UNFIT[name]
    for use in (check, shapes, parameters, flops, Blueprint.of):
        with pytest.raises(WeightloomError, match=message) as error:
            use(architecture)
        assert "\n" not in str(error.value)


def test_a_sum_needs_a_wire_that_stays() -> None:
    nodes = (DATA["sequence"], node("s", "add"), FLAT, END)
    edges = (Edge(source="x", target="s", optional=True), Edge(source="s", target="g"), Edge(source="g", target="y"))
    with pytest.raises(WeightloomError, match=r"'s' .*a main edge that is not optional"):
        check(Architecture(space="hand", nodes=nodes, edges=edges))


def test_shapes_by_hand() -> None:
    known = shapes(chain("image", conv(stride=2), FLAT))
    assert dict(known) == {"x": (2, 3, 5), "a": (4, 2, 3), "g": (24,), "y": (2,)}
    assert parameters(chain("image", conv(stride=2), FLAT)) == 4 * (2 * 9 + 1) + 2 * 25
    assert flops(chain("image", conv(stride=2), FLAT)) == 2 * (4 * 18 * 6 + 48)


def test_what_is_too_large_is_not_built() -> None:
    space = MLPSpace(inputs=4, outputs=2, widths=(4, 2**16), depths=(2,))
    genome = {"norm": "none", "depth": 2, "width_1": 2**16, "width_2": 2**16, "skip_1": False}
    huge = space.from_genome({**genome, "activation_1": "relu", "activation_2": "relu"})
    with pytest.raises(WeightloomError, match="at most 100,000,000 parameters, got 4,295"):
        space.build(huge)
    small = space.from_genome({**genome, "width_1": 4, "width_2": 4, "activation_1": "relu", "activation_2": "relu"})
    needed = memory(small)
    assert needed == 4 * (parameters(small) + 4 + 4 + 4 + 2)
    space.build(small, max_bytes=needed)
    with pytest.raises(WeightloomError, match="bytes"):
        space.build(small, max_bytes=needed - 1)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (4, 1, 2)])
def test_shapes_that_are_no_shape_of_the_data(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightloomError, match="multiply up to inputs"):
        MLPSpace(inputs=4, outputs=2, shape=shape)
