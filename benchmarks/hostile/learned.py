"""What is planted in files of what was learned: networks, generators, zoos, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.hostile.graphs import graphs
from benchmarks.hostile.parts import with_part

TEXT = "../../../../etc/passwd"
Planted = Iterator[tuple[str, dict[str, Any]]]


def architecture(parts: Mapping[str, Any]) -> Planted:
    for name, graph in graphs().items():
        yield name, {"architecture.json": graph}


def network(parts: Mapping[str, Any]) -> Planted:
    path = "network.safetensors"
    document = parts[path].metadata
    for name, graph in graphs().items():
        yield name, with_part(parts, path, metadata={**document, "architecture": graph})
    for width in (0, -1, 65536, 2**40, 2**62, "8", 1.5, None, True):
        yield f"a token width of {width!r}", with_part(parts, path, metadata={**document, "token_width": width})
    for key, value in (
        ("generator", "planted.module:Class"),
        ("generator_path", TEXT),
        ("space", "planted.module:Space"),
        ("task", "planted.module:task"),
        ("rules", {"forbid": ["x"]}),
        ("versions", {"a": "b" * 10_000}),
        ("weights_as", "int4"),
        ("weights_as", "pickle"),
        ("seed", 2**80),
        ("density", "nan"),
    ):
        changed = {**document["provenance"], key: value}
        yield (
            f"a provenance with {key} {value!r:.40}",
            with_part(parts, path, metadata={**document, "provenance": changed}),
        )


def config(parts: Mapping[str, Any]) -> Planted:
    config = parts["config.json"]
    for key, value in (
        ("name", "planted.module:Class"),
        ("name", TEXT),
        ("name", ["mlp"]),
        ("config", []),
        ("weights", {"file": TEXT, "sha256": ""}),
        ("weights", "x"),
        ("architectures", 3),
        ("architectures", [1]),
        ("kind", "x" * 5000),
        ("schema", 2**40),
    ):
        if key in config:
            yield f"{key} {value!r:.40}", {**parts, "config.json": {**config, key: value}}
    for settings in (
        {"d": 4096, "layers": 64},
        {"d": 4096, "hidden": 16384, "layers": 32},
        {"token_width": 65536},
        {"d": 10**12},
        {"layers": 10**9},
        {"latent": 10**12},
        {"planted": "module"},
        {"steps": 10**12},
        {"sigma": 1e308},
        {"kept": -1},
        {"shift": 1e-300},
    ):
        changed = {**config, "config": {**config["config"], **settings}}
        yield f"settings {settings}", {**parts, "config.json": changed}
    for name, graph in graphs().items():
        if config.get("architectures"):
            given = [graph, *config["architectures"][1:]]
            yield f"networks of {name}", {**parts, "config.json": {**config, "architectures": given}}


def hub(parts: Mapping[str, Any]) -> Planted:
    config = parts["config.json"]
    for name, graph in graphs().items():
        yield f"a network of {name}", {**parts, "config.json": {**config, "compacted": graph}}
    hostile: tuple[Any, ...] = (5, [], {TEXT: [0]}, *({"output": one} for one in ([10**9], [-1], ["x"], None)))
    for selected in hostile:
        yield f"selected {selected!r:.40}", {**parts, "config.json": {**config, "selected": selected}}


def origin(parts: Mapping[str, Any]) -> Planted:
    origin = parts["origin.json"]
    for key, value in (
        ("space", "planted.module:Space"),
        ("inputs", 2**62),
        ("outputs", 2**62),
        ("shape", [2**31, 2**31]),
        ("shape", [0]),
        ("shape", [-1, -64]),
        ("space_settings", {"depths": [10**9]}),
        ("space_settings", {"inputs": 3}),
        ("space_settings", {"widths": [10**12]}),
        ("space_settings", {"widths": list(range(1, 5000))}),
        ("space_settings", {"depths": list(range(1, 2000))}),
        ("space_settings", {"depths": [[1]]}),
        ("space_settings", {"__class__": 1}),
        ("space_settings", {"activations": ["os.system"]}),
    ):
        yield f"{key} {value!r:.40}", {"origin.json": {**origin, key: value}}
    for space, settings in (
        ("cell", {"cells": 10**9}),
        ("cell", {"channels": 10**9}),
        ("cell", {"stages": 10**6}),
        ("macro", {"channels": 10**9}),
        ("conv2d", {"depths": [10**6]}),
        ("conv2d", {"stages": [10**6]}),
        ("transformer", {"depths": [10**6]}),
        ("transformer", {"heads": [10**9]}),
        ("dag", {"nodes": [10**6]}),
        ("dag", {"reach": 10**9}),
        ("dag", {"most_channels": 10**9}),
    ):
        shape = [4, 16] if space == "transformer" else [1, 8, 8]
        yield (
            f"{space} of {settings}",
            {"origin.json": {**origin, "space": space, "space_settings": settings, "shape": shape}},
        )


def zoo(parts: Mapping[str, Any]) -> Planted:
    path = next(path for path in parts if path.endswith("zoo.json"))
    content = parts[path]
    for key in ("pool", "validation", "test"):
        wrong: list[Any] = [None, [], [1], {}, content[key][:1], content[key] * 500]
        for value in wrong:
            yield f"{key} {value!r:.30}", {**parts, path: {**content, key: value}}
        for name, graph in graphs().items():
            yield f"{key} of {name}", {**parts, path: {**content, key: [graph, *content[key][1:]]}}
    others: list[Any] = [[], 3, None]
    for value in others:
        yield f"all of it {value}", {**parts, path: value}


def checkpoint(parts: Mapping[str, Any]) -> Planted:
    head = parts["checkpoint"].metadata
    plain = head["plain"]
    for key, value in (
        ("phase", -1),
        ("phase", 10**9),
        ("step", "x"),
        ("curve", 3),
        ("curve", [["a", 1, "x"]]),
        ("plain", []),
        ("plain", {}),
        ("plain", {**plain, "groups": []}),
        ("plain", {**plain, "groups": [{}]}),
        ("plain", {**plain, "schedule": {**plain["schedule"], "step": "os.system", "__class__": 1}}),
        ("plain", {**plain, "schedule": {}}),
        ("seconds", None),
        ("schema", 99),
    ):
        yield f"{key} {value!r:.40}", with_part(parts, "checkpoint", metadata={**head, key: value})
    yield "no head", with_part(parts, "checkpoint", metadata=None)
    yield "a head that is a list", with_part(parts, "checkpoint", metadata=[1])
