"""Architectures: what is refused, JSON in and out, and the checks before one is built."""

import json
from typing import Any

import pytest

from search_spaces import Architecture, Blueprint, Edge, MLPSpace, Node, UnknownName, WeightloomError
from search_spaces.operations import check

SPACE = MLPSpace(inputs=4, outputs=2)
GENOME = {
    "norm": "layer",
    "depth": 2,
    "width_1": 8,
    "width_2": 12,
    "activation_1": "relu",
    "activation_2": "tanh",
    "skip_1": True,
}


def dense(name: str, width: int = 3, **changes: Any) -> Node:
    choices = {"activation": "relu", "norm": "none", "width": width} | changes
    return Node(name=name, operation="dense", choices=tuple(choices.items()))


def first(width: int = 2, name: str = "x") -> Node:
    return Node(name=name, operation="input", choices=(("width", width),))


def graph(nodes: list[Node], *edges: Edge | str) -> Architecture:
    made = [Edge(source=e[0], target=e[1]) if isinstance(e, str) else e for e in edges]
    return Architecture(space="hand", nodes=tuple(nodes), edges=tuple(made))


def test_choices_are_sorted_so_that_equal_nodes_are_equal() -> None:
    node = Node(name="a", operation="dense", choices=(("width", 3), ("norm", "none"), ("activation", "relu")))
    assert node == dense("a")
    assert node["width"] == 3


def test_graph_must_be_sound() -> None:
    with pytest.raises(WeightloomError, match="at least one node"):
        graph([])
    with pytest.raises(WeightloomError, match="unique"):
        graph([first(), dense("a"), dense("a")], "xa")
    with pytest.raises(WeightloomError, match="names node 'b'"):
        graph([first(), dense("a")], "xb")
    with pytest.raises(WeightloomError, match="backwards"):
        graph([first(), dense("a"), dense("b")], "xa", "ba")
    with pytest.raises(WeightloomError, match="backwards"):
        graph([first(), dense("a")], "aa")


SKIP = Edge(source="x", target="b", kind="skip", optional=True)
BAD = {
    "input": (graph([dense("x"), dense("a")], "xa"), "first node must be an 'input'"),
    "second input": (graph([first(), first(name="y"), dense("a")], "xy", "ya"), "only the first"),
    "alone": (graph([first()]), "last of two or more nodes"),
    "identity at the end": (graph([first(), Node(name="i", operation="identity")], "xi"), "must have a width"),
    "missing choice": (
        graph([first(), Node(name="a", operation="dense", choices=(("width", 3),))], "xa"),
        "expected choices",
    ),
    "extra choice": (graph([first(), dense("a", bias=True)], "xa"), "expected choices"),
    "width 0": (graph([first(), dense("a", 0)], "xa"), "integer from 1"),
    "width True": (graph([first(), dense("a", True)], "xa"), "integer from 1"),
    "width 1.5": (graph([first(), dense("a", width=1.5)], "xa"), "integer from 1"),
    "width of terabytes": (graph([first(), dense("a", 2**40)], "xa"), "integer from 1"),
    "activation": (graph([first(), dense("a", activation="relo")], "xa"), "activation must be one of"),
    "no main edge": (graph([first(), dense("a"), dense("b")], "xa"), "expected one main edge"),
    "two main edges": (graph([first(), dense("a"), dense("b")], "xa", "ab", "xb"), "expected one main edge"),
    "optional main edge": (
        graph([first(), dense("a")], Edge(source="x", target="a", optional=True)),
        "must not be optional",
    ),
    "double edge": (graph([first(), dense("a"), dense("b")], "xa", "ab", "ab"), "a -> b"),
    "name with a dot": (graph([first(), dense("a.b"), dense("b")], Edge(source="x", target="a.b")), "letter"),
    "empty name": (graph([first(), dense(""), dense("b")], Edge(source="x", target="")), "letter"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_built_is_refused(name: str) -> None:
    architecture, message = BAD[name]
    for use in (check, Blueprint.of):
        with pytest.raises(WeightloomError, match=message) as error:
            use(architecture)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["forward", "architecture", "closed", "training", "wire_a_0", "open_a"])
def test_names_that_a_module_needs_are_refused(name: str) -> None:
    bad = graph([first(), dense(name), dense("a")], Edge(source="x", target=name), Edge(source=name, target="a"))
    with pytest.raises(WeightloomError, match=name):
        Blueprint.of(bad)


def test_unknown_operation_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'dense'"):
        check(graph([first(), Node(name="a", operation="dens", choices=(("width", 3),))], "xa"))


def document(**changes: Any) -> dict[str, Any]:
    return SPACE.from_genome(GENOME).to_dict() | changes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        "NaN",
        '{"schema":1}',
        "[" * 100_000,
        "1" * 5000,
        json.dumps(document(schema=2)),
        json.dumps(document(schema=True)),
        json.dumps(document(space=7)),
        json.dumps(document(nodes={})),
        json.dumps(document(nodes=[])),
        json.dumps(document(nodes="abc")),
        json.dumps(document(nodes=[7])),
        json.dumps(document(nodes=[{"name": "x", "operation": "input", "choices": {"width": [1]}}])),
        json.dumps(document(nodes=[{"name": "x", "operation": "input", "choices": {"width": None}}])),
        json.dumps(document(nodes=[{"name": "x", "operation": "input", "choices": {"width": 10**30}}])),
        json.dumps(document(nodes=[{"name": "x", "operation": "input", "choices": {"width": float("nan")}}])),
        json.dumps(document(edges=None)),
        json.dumps(document(edges=[{"source": "input", "target": "output", "kind": "side", "optional": True}])),
        json.dumps(document(edges=[{"source": "input", "target": "output", "kind": "skip", "optional": "no"}])),
        json.dumps(document(edges=[{"source": "output", "target": "input", "kind": "main", "optional": False}])),
        json.dumps(document(genome=[])),
        json.dumps(document(genome={"depth": {}})),
    ],
)
def test_hostile_json(text: str) -> None:
    with pytest.raises(WeightloomError, match="architecture"):
        Architecture.from_json(text)


def test_json_that_was_altered_is_noticed_by_the_space() -> None:
    data = document()
    data["genome"]["width_1"] = 12
    with pytest.raises(WeightloomError, match="does not match its genome"):
        SPACE.validate(Architecture.from_dict(data))
    with pytest.raises(WeightloomError, match="space 'other'"):
        SPACE.validate(Architecture.from_dict(document(space="other")))
    data["genome"]["width_1"] = 13
    with pytest.raises(WeightloomError, match="width_1 = 13 is not allowed"):
        SPACE.validate(Architecture.from_dict(data))


def test_reading_is_fast_to_refuse_and_json_is_canonical() -> None:
    architecture = SPACE.from_genome(GENOME)
    again = Architecture.from_json(json.dumps(json.loads(architecture.to_json()), indent=3))
    assert again.to_json() == architecture.to_json()
    assert str(architecture) == "mlp[dense(relu,layer,8) dense(tanh,layer,12) hidden_1~output]"
