"""``weightloom show``: files and samples, pictures, text and JSON, and what it refuses."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from search_spaces import Architecture, MLPSpace
from weightloom.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def content() -> dict[str, Any]:
    return MLPSpace(inputs=6, outputs=3, depths=(2,)).sample(np.random.default_rng(0)).to_dict()


def wire(source: str, target: str) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": "main", "optional": False}


def shown(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert main(["show", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_file_as_text_json_and_picture(content: dict[str, Any], capsys: Capture, tmp_path: Path) -> None:
    path, picture = tmp_path / "one.json", tmp_path / "pictures" / "one.svg"
    path.write_text(json.dumps(content))
    assert main(["show", str(path), "--out", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "hidden_1" in said
    assert f"picture: {picture}" in said
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    (record,) = shown(capsys, str(path))["architectures"]
    assert record["architecture"] == content
    assert record["key"] == Architecture.from_dict(content).key
    assert record["parameters"] == sum(node["parameters"] for node in record["nodes"]) > 0


def test_samples_repeat_and_are_numbered(capsys: Capture, tmp_path: Path) -> None:
    arguments = ("dag", "--sample", "2", "--seed", "7", "--task", "digits", "--out", str(tmp_path / "dag.svg"))
    first, second = shown(capsys, *arguments), shown(capsys, *arguments)
    assert first == second
    assert [Path(one["picture"]).name for one in first["architectures"]] == ["dag-1.svg", "dag-2.svg"]
    assert len({one["key"] for one in first["architectures"]}) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dag-1.svg", "dag-2.svg"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": 2}, "expected an object with schema 1, got 2"),
        ({"edges": [wire("output", "hidden_1")]}, "output -> hidden_1 closes a cycle"),
        ({"edges": [wire("hiden_1", "output")]}, "names node 'hiden_1'; nodes are input, hidden_1"),
        ({"operation": "denze"}, "node 'hidden_1' 'denze'. Did you mean 'dense'? Known:"),
        ({"width": 0}, "node 'hidden_1': width must be an integer from 1"),
        ({"activation": "relo"}, "node 'hidden_1': activation must be one of"),
    ],
    ids=str,
)
def test_bad_files_name_what_is_wrong(
    content: dict[str, Any], change: dict[str, Any], expected: str, capsys: Capture, tmp_path: Path
) -> None:
    node = next(node for node in content["nodes"] if node["name"] == "hidden_1")
    for key, value in change.items():
        if key in content:
            content[key] = value
        elif key == "operation":
            node[key] = value
        else:
            node["choices"][key] = value
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    assert main(["show", str(path), "--out", str(tmp_path / "bad.svg")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "bad.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("dag",), "'dag' is a search space; expected --sample N"),
        (("dog", "--sample", "1"), "Did you mean 'dag'"),
        (("dag", "--sample", "0"), "--sample: expected an integer of at least 1, got 0"),
        (("x.json", "--task", "digits"), "--task: expected --sample N"),
        (("dag", "--sample", "1", "--out", "x.png"), "expected a file that ends in .svg, got 'x.png'"),
        (("nothing.json",), "nothing.json: expected a readable JSON file"),
        (("nothing.safetensors",), "nothing.safetensors"),
    ],
    ids=str,
)
def test_bad_requests(arguments: tuple[str, ...], expected: str, capsys: Capture) -> None:
    assert main(["show", *arguments]) == 2
    assert expected in capsys.readouterr().err
