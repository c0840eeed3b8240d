"""The example of an own module through the command line, as if it were installed."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from search_spaces import registry
from weightloom.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_module"
Capture = pytest.CaptureFixture[str]


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, value: str) -> None:
    """What ``pip install`` leaves for entry points to be found, for this process and those that it starts."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[weightloom.spaces]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(EXAMPLE)]))
    monkeypatch.setattr(registry, "_points", registry._points.__wrapped__)  # what it knows is of before


@pytest.fixture
def small_net(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.syspath_prepend(EXAMPLE)
    install(monkeypatch, tmp_path / "site", "small_net", "own_module:SmallNetSpace")
    return "small_net"


def test_listed_and_shown(small_net: str, capsys: Capture, tmp_path: Path) -> None:
    assert main(["list", "spaces"]) == 0
    assert "SmallNet with fewer heads" in capsys.readouterr().out
    picture = tmp_path / "one.svg"
    assert main(["show", small_net, "--sample", "1", "--out", str(picture), "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["architectures"]
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    assert shown["parameters"] == sum(node["parameters"] for node in shown["nodes"]) > 100
    path = tmp_path / "one.json"
    path.write_text(json.dumps(shown["architecture"]))
    assert main(["show", str(path)]) == 0
    assert "Conv2d" in capsys.readouterr().out


def test_trained_generated_and_verified(small_net: str, capsys: Capture, tmp_path: Path) -> None:
    zoo = {
        "pool": 8,
        "networks": 4,
        "validation": 2,
        "test": 2,
        "seeds": 2,
        "recipe.steps": 10,
        "real_recipe.steps": 10,
    }
    words = [f"zoo.{name}={value}" for name, value in zoo.items()]
    arguments = ["--preset", "quick", "--space", small_net, "--steps", "3", "--runs-folder", str(tmp_path / "runs")]
    assert main(["train", "mlp", *arguments, "--out", str(tmp_path / "mine"), "--set", *words]) == 0
    assert main(["generate", str(tmp_path / "mine"), "--sample", "1", "--out", str(tmp_path / "some")]) == 0
    (path,) = (tmp_path / "some").glob("*.safetensors")
    assert main(["verify", str(path)]) == 0
    assert "largest difference of weights 0)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("nn.BatchNorm1d(8)", "use GroupNorm, LayerNorm or RMSNorm"),
        ("nn.Linear(8", "expected bad:Bad to be importable"),
    ],
)
def test_mistakes_are_one_line(
    layer: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path / "site", "bad", "bad:Bad")
    (tmp_path / "site" / "bad.py").write_text(
        "from torch import nn\nfrom search_spaces import ModuleSpace\nclass Bad(ModuleSpace):\n    name = 'bad'\n"
        f"    def make(self):\n        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), {layer})\n"
    )
    monkeypatch.delitem(__import__("sys").modules, "bad", raising=False)
    assert main(["show", "bad", "--sample", "1"]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in out + err
    assert err.count("\n") == 1
