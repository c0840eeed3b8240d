"""Pictures: nothing overlaps, no wire crosses a box, everything is said, hostile names stay text."""

import itertools
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from search_spaces import SPACES, Architecture, Blueprint, Edge, Node, WeightloomError
from search_spaces.draw import draw, draw_text, facts
from search_spaces.layout import GAP_ACROSS, place
from search_spaces.operations import flops, parameters

SHAPES = {1: (12,), 2: (1, 40), 3: (1, 40, 40)}
SVG = "{http://www.w3.org/2000/svg}"


def some() -> list[Architecture]:
    found = []
    for name in SPACES.names():
        space = SPACES.load(name)
        for rank in space.ranks:
            shape = SHAPES[rank]
            made = space(inputs=math.prod(shape), outputs=3, shape=shape)
            found += [made.sample(np.random.default_rng(seed)) for seed in range(2)]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_boxes_stand_apart_and_wires_pass_beside_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(14)]
    widths = {name: float(rng.integers(20, 200)) for name in names}
    edges = [
        (names[j], names[i])
        for i in range(1, 14)
        for j in sorted(rng.choice(i, size=min(i, int(rng.integers(1, 4))), replace=False))
    ]
    layout = place(widths, edges, 40.0)
    boxes = [(*layout.centres[name], widths[name]) for name in names]
    for (x, y, wide), (other_x, other_y, other_wide) in itertools.combinations(boxes, 2):
        if abs(y - other_y) < 40:
            assert abs(x - other_x) >= (wide + other_wide) / 2 + GAP_ACROSS - 1e-6
    for x, y, wide in boxes:
        assert wide / 2 - 1e-6 <= x <= layout.width - wide / 2 + 1e-6
        assert 20 <= y <= layout.height - 20
    for (source, target), way in zip(edges, layout.ways, strict=True):
        assert (way[0], way[-1]) == (layout.centres[source], layout.centres[target])
        assert all(a[1] < b[1] for a, b in itertools.pairwise(way)), "wires go down, a layer a step"
        for x, y in way[1:-1]:
            assert all(y != box_y or abs(x - box_x) > wide / 2 for box_x, box_y, wide in boxes)


def test_a_chain_stands_in_one_line() -> None:
    layout = place({"a": 10.0, "b": 90.0, "c": 30.0}, [("a", "b"), ("b", "c")], 20.0)
    assert {x for x, _ in layout.centres.values()} == {45}


@pytest.mark.parametrize("architecture", some(), ids=str)
def test_every_space_has_a_picture(architecture: Architecture) -> None:
    root = ElementTree.fromstring(draw(architecture))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = root.findall(f"./{SVG}g/{SVG}g/{SVG}rect")
    assert len(boxes) == len(architecture.nodes)
    assert all(0 < float(box.attrib["width"]) < width and float(box.attrib["y"]) < height for box in boxes)
    wires = [path for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
    assert len(wires) == len(architecture.edges)
    assert sum("stroke-dasharray" in wire.attrib for wire in wires) == len(architecture.optional_edges)
    said = "".join(root.itertext())
    assert all(node.name in said for node in architecture.nodes)
    rows = facts(architecture)
    assert sum(row.parameters or 0 for row in rows) == parameters(architecture)
    assert sum(row.flops or 0 for row in rows) == flops(architecture)
    text = draw_text(architecture).splitlines()
    assert len(text) == len(architecture.nodes) + 3
    assert f"{parameters(architecture):,} parameters" in text[0]


def test_long_and_hostile_names() -> None:
    name = "<script>alert(1)</script>\x07" + "long" * 60
    nodes = (Node(name="in", operation="input"), Node(name=name, operation='Layer"&'), Node(name="out", operation="x"))
    edges = (Edge(source="in", target=name), Edge(source=name, target="out"))
    picture = draw(Architecture(space="module", nodes=nodes, edges=edges))
    assert "<script" not in picture
    root = ElementTree.fromstring(picture)
    assert float(root.attrib["width"]) < 600
    assert any(name.replace("\x07", "\ufffd") in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_a_users_own_module_has_a_picture() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    architecture = Blueprint.of_module(module).architecture
    assert "Linear" in draw(architecture)
    assert "FLOPs" not in draw_text(architecture), "what is not known is not said"


def test_what_is_no_network_is_refused() -> None:
    last = (("activation", "none"), ("norm", "none"), ("width", 2))
    nodes = (
        Node(name="in", operation="input", choices=(("width", 3),)),
        Node(name="odd", operation="convolve"),
        Node(name="out", operation="dense", choices=last),
    )
    edges = (Edge(source="in", target="odd"), Edge(source="odd", target="out"))
    with pytest.raises(WeightloomError, match="operation of node 'odd' 'convolve'"):
        draw(Architecture(space="mine", nodes=nodes, edges=edges))
