"""``weightloom generate --stream`` from the outside."""

from pathlib import Path

import pytest
from verbs import bad, ok

from generators.registry import make_generator
from generators.saving import save_pretrained
from search_spaces import MLPSpace
from search_spaces.files import read_json

Capture = pytest.CaptureFixture[str]


def test_stream_writes_shards_of_any_architecture(tmp_path: Path, capsys: Capture) -> None:
    save_pretrained(make_generator("mlp", {"d": 8, "hidden": 8, "layers": 1}), tmp_path / "generator")
    space = MLPSpace(inputs=9, outputs=4, depths=(1,), widths=(70,), activations=("relu",))
    file = tmp_path / "large.json"
    file.write_text(space.from_genome({"norm": "none", "depth": 1, "width_1": 70, "activation_1": "relu"}).to_json())
    said = ["generate", str(tmp_path / "generator"), "--out", str(tmp_path / "out"), "--stream"]
    found = ok(capsys, *said, "--architecture", str(file))
    assert found["parameters"] == 70 * 10 + 4 * 71
    assert len(read_json(str(found["index"]))["weight_map"]) == 4
    assert "--architecture FILE" in bad(capsys, *said, "--sample", "1")
    assert "--seed" in bad(capsys, *said, "--architecture", str(file), "--density", "0.5")
