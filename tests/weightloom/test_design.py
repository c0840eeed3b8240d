"""Whole networks from one latent on the command line: trained, generated under rules, verified, and what is refused."""

import shutil
from pathlib import Path

import pytest
import torch
from verbs import Capture, bad, ok

from generators.registry import make_generator
from generators.saving import save_pretrained
from generators.topology import TopologyGenerator, save_topology
from search_spaces import Blueprint, WeightloomError
from search_spaces.operations import flops
from search_spaces.rules import Rules, violations
from sweeps.origin import Origin
from weightloom.__main__ import main
from workbench.export import export_network, read_network, write_network
from workbench.tasks import load_task

RULES = "{max_depth: 3, forbid: gated_dense}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that learned nothing, as `weightloom train` would leave it."""
    torch.manual_seed(0)
    task = load_task("digits")
    home = save_pretrained(make_generator("mlp", {"d": 8, "hidden": 8}), tmp_path_factory.mktemp("generator"))
    origin = Origin(task="digits", task_digest=task.digest(), space="mlp", inputs=64, outputs=10, shape=task.shape)
    origin.write(home)
    return home


@pytest.fixture(scope="module")
def topology(folder: Path) -> Path:
    home = folder.parent / "topology"
    options = ("--steps", "2", "--architectures", "4", "--rules", RULES, "--out", str(home))
    assert main(["design", str(folder), *options]) == 0
    return home


def test_whole_networks_are_made_and_made_again(folder: Path, topology: Path, capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("max_depth: 3\nforbid: [gated_dense]\n")
    asked = ("--sample", "3", "--seed", "7", "--flops", "5e3", "--rules", str(file), "--out", str(tmp_path / "a"))
    ok(capsys, "generate", str(folder), "--topology", str(topology), *asked)
    paths = sorted((tmp_path / "a").iterdir())
    assert len(paths) == 3
    for path in paths:
        loaded = read_network(path)
        provenance = loaded.provenance
        assert provenance.rules == {"forbid": ["gated_dense"], "max_depth": 3, "max_flops": 5000}
        assert provenance.topology is not None
        assert provenance.topology.seed == provenance.seed
        assert flops(loaded.architecture) <= 5e3
        assert violations(loaded.architecture, Rules.of(provenance.rules)) == []
        assert ok(capsys, "verify", str(path))["difference"] == 0
    moved = shutil.copytree(topology, tmp_path / "moved")
    ok(capsys, "verify", str(paths[0]), "--topology", str(moved))
    other = save_topology(TopologyGenerator(), tmp_path / "other")
    Origin.read(topology).write(other)
    assert "expected the topology generator with digest" in bad(
        capsys, "verify", str(paths[0]), "--topology", str(other)
    )


def test_an_altered_architecture_is_found(folder: Path, topology: Path, capsys: Capture, tmp_path: Path) -> None:
    ok(capsys, "generate", str(folder), "--topology", str(topology), "--sample", "2", "--out", str(tmp_path))
    first, second = (read_network(path) for path in sorted(tmp_path.iterdir()))
    forged = second.provenance.model_copy(update={"topology": first.provenance.topology})
    path = write_network(tmp_path / "forged.safetensors", second.generated, 0, forged)
    assert main(["verify", str(path)]) == 1
    assert "expected the file's architecture" in capsys.readouterr().err
    strict = second.provenance.model_copy(update={"rules": {"max_flops": 10}, "topology": None})
    write_network(path, second.generated, 0, strict)
    assert "max_flops 10: it is" in bad(capsys, "verify", str(path))
    rows = load_task("digits").test.x[:4]
    with pytest.raises(WeightloomError, match="max_flops 10: it is"):
        export_network(second.generated, 0, tmp_path / "e", "one", strict, rows, ("safetensors",))
    assert not (tmp_path / "e").exists()


def test_rules_without_a_topology_generator(folder: Path, capsys: Capture, tmp_path: Path) -> None:
    ok(capsys, "generate", str(folder), "--sample", "2", "--rules", "max_parameters: 900", "--out", str(tmp_path / "a"))
    for path in (tmp_path / "a").iterdir():
        loaded = read_network(path)
        assert Blueprint.of(loaded.architecture).parameter_count <= 900
        assert loaded.provenance.topology is None
        assert ok(capsys, "verify", str(path))["difference"] == 0
    shown = ok(capsys, "show", "dag", "--sample", "2", "--rules", "{max_depth: 8, max_flops: 1e6}")
    assert all(one["flops"] <= 1e6 for one in shown["architectures"])  # type: ignore[attr-defined]


def test_mistakes(folder: Path, topology: Path, capsys: Capture, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "x"))
    asked = ("generate", str(folder), "--sample", "1", *out)
    assert "Did you mean 'max_depth'" in bad(capsys, *asked, "--rules", "max_dept: 3")
    assert "at least 1, got 0.0" in bad(capsys, *asked, "--flops", "0")
    assert "check the path" in bad(capsys, *asked, "--rules", "nowhere.yaml")
    assert "--sample N" in bad(
        capsys, "generate", str(folder), "--architecture", "a.json", "--topology", str(topology), *out
    )
    assert "--sample N" in bad(capsys, "show", "one.json", "--rules", "max_depth: 3")
    assert "expected a folder without a generator" in bad(capsys, "design", str(folder), "--out", str(topology))
    assert "steps" in bad(capsys, "design", str(folder), "--steps", "0", *out)
    alone = save_topology(TopologyGenerator(), tmp_path / "alone")
    assert "origin.json" in bad(capsys, *asked, "--topology", str(alone))
    wrong = save_topology(TopologyGenerator(), tmp_path / "w")
    Origin.read(topology).model_copy(update={"space": "cell"}).write(wrong)
    assert "for space 'mlp'" in bad(capsys, *asked, "--topology", str(wrong))
    (wrong / "config.json").write_text("{}")
    assert "weightloom-topology" in bad(capsys, *asked, "--topology", str(wrong))
