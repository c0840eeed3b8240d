"""Architectures that ask for too much."""

from __future__ import annotations

import itertools
from typing import Any


def _node(name: str, operation: str, **choices: Any) -> dict[str, Any]:
    return {"name": name, "operation": operation, "choices": choices}


def _graph(nodes: list[dict[str, Any]], wires: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    names = [node["name"] for node in nodes]
    edges = list(itertools.pairwise(names)) if wires is None else wires
    return {
        "schema": 1,
        "space": "mlp",
        "genome": {},
        "nodes": nodes,
        "edges": [{"source": a, "target": b, "kind": "main", "optional": False} for a, b in edges],
    }


def graphs() -> dict[str, dict[str, Any]]:
    """Architectures that ask for too much."""
    plain = {"activation": "relu", "norm": "layer"}
    end = _node("output", "dense", activation="none", norm="none", width=3)
    start = _node("input", "input", width=6)
    image = _node("input", "image", channels=2**20, height=2**20, width=2**20)
    conv = _node("c", "conv", channels=2**20, kernel=2**20, stride=1, groups=1, norm="none", activation="none")
    sequence = _node("input", "sequence", channels=2**10, length=2**20)
    deep = [_node(f"n{i}", "activation", kind="relu") for i in range(3000)]
    diamonds: list[dict[str, Any]] = [start]
    wires: list[tuple[str, str]] = []
    last = "input"
    for i in range(60):  # 2^60 ways through it
        diamonds += [
            _node(f"a{i}", "activation", kind="relu"),
            _node(f"b{i}", "activation", kind="tanh"),
            _node(f"s{i}", "add"),
        ]
        wires += [(last, f"a{i}"), (last, f"b{i}"), (f"a{i}", f"s{i}"), (f"b{i}", f"s{i}")]
        last = f"s{i}"
    alike = [start, *[_node(f"m{i}", "norm", kind="rms") for i in range(400)], _node("sum", "add"), end]
    star = [("input", f"m{i}") for i in range(400)] + [(f"m{i}", "sum") for i in range(400)] + [("sum", "output")]
    return {
        "wide layers": _graph([start, *[_node(f"h{i}", "dense", width=2**20, **plain) for i in range(3)], end]),
        "a huge convolution": _graph([image, conv, _node("g", "global_pool", kind="avg"), end]),
        "positions without number": _graph([sequence, _node("p", "position"), _node("f", "flatten"), end]),
        "a huge recurrent unit": _graph(
            [sequence, _node("r", "recurrent", width=2**20), _node("g", "global_pool", kind="avg"), end]
        ),
        "a wide norm": _graph([_node("input", "input", width=2**20), _node("n", "norm", kind="layer"), end]),
        "thousands of nodes": _graph([start, *deep, end]),
        "all too many nodes": _graph(
            [start, *[{**n, "name": f"{n['name']}_{i}"} for i in range(20) for n in deep], end]
        ),
        "ways without number": _graph([*diamonds, end], [*wires, (last, "output")]),
        "hundreds of equal nodes": _graph(alike, star),
        "a name that torch has": _graph([start, _node("forward", "dense", width=4, **plain), end]),
        "a name of a path": _graph([start, _node("../x", "dense", width=4, **plain), end]),
        "a name of markup": _graph([start, _node("<script>alert(1)</script>", "dense", width=4, **plain), end]),
        "a class to import": {
            **_graph([start, _node("x", "layer", kind="os.system", flops=1), end]),
            "space": "planted.module:Space",
        },
        "a module to import": _graph([start, _node("x", "result", width=3, flops=1, module="planted.module:Space")]),
        "numbers too wide": _graph([start, _node("x", "dense", width=2**62, **plain), end]),
    }
