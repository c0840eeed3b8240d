"""Every format computes the same, says where it comes from, and can be verified; none is unpickled."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from example_summary import example_summary
from small_exports import small_network

from generators.registry import make_generator
from search_spaces import Blueprint, DamagedFile, RunFailed, WeightloomError, open_space
from search_spaces.network import GraphNetwork
from workbench.export import (
    FORMATS,
    digest,
    explained,
    export_network,
    load_pretrained,
    read_program,
    read_recipe,
    verify_export,
    verify_network,
    write_network,
)
from workbench.export.compaction import compact
from workbench.export.hub_folder import write_hub
from workbench.summary import ExportRecord

GENERATOR, GENERATED, RECORD = small_network()
ROWS = torch.randn(9, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, ExportRecord]:
    about = example_summary().generators["diffusion"]
    found = export_network(GENERATED, 0, folder / "exports", "one", RECORD, ROWS, tuple(FORMATS), about=about)
    return {record.format: record for record in found}


def test_all_are_written_checked_and_recorded(records: dict[str, ExportRecord], folder: Path) -> None:
    assert {name: record.path for name, record in records.items()} == {
        "safetensors": "exports/one.safetensors",
        "onnx": "exports/one.onnx",
        "torch-export": "exports/one.pt2",
        "hub": "exports/one",
    }
    assert records["onnx"].opset is not None
    assert records["onnx"].opset >= 18
    assert [record.opset for name, record in records.items() if name != "onnx"] == [None] * 3
    for record in records.values():
        assert record.difference is not None
        assert record.difference <= 1e-5
        assert record.sha256 == digest(folder / record.path)
        assert record.bytes


def test_program_and_hub_run_any_batch(records: dict[str, ExportRecord], folder: Path) -> None:
    expected = GENERATED.network(0)
    for network in (read_program(folder / "exports/one.pt2"), load_pretrained(folder / "exports/one")):
        for count in (1, 3, 200):
            rows = torch.randn(count, 6)
            assert torch.allclose(network(rows), expected(rows), atol=1e-5)


def test_hub_loads_with_one_line_in_another_process(records: dict[str, ExportRecord], folder: Path) -> None:
    card = (folder / "exports/one/README.md").read_text()
    (line,) = [line for line in card.splitlines() if line.startswith("network = load_pretrained(")]
    code = f"import torch; from workbench.export import load_pretrained; {line.split('  #')[0]}; "
    code += "print(network(torch.ones(2, 6)).tolist())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder / "exports")
    expected = GENERATED.network(0)(torch.ones(2, 6))
    assert torch.allclose(torch.tensor(json.loads(done.stdout)), expected, atol=1e-5)


def test_the_card_says_what_how_good_how_made_and_limits(records: dict[str, ExportRecord], folder: Path) -> None:
    card = (folder / "exports/one/README.md").read_text()
    about = example_summary().generators["diffusion"].metrics["fidelity"]
    assert card.startswith("---\nlibrary_name: weightloom\n")
    assert "value: 0.9000" in card
    assert "0.900 [0.870, 0.920] on 449 examples" in card
    assert f"{about.mean:.3f} [{about.low:.3f}, {about.high:.3f}]" in card
    assert RECORD.generator_digest in card
    for heading in ("## Scores", "## How it was generated", "## Limits"):
        assert heading in card


@pytest.mark.parametrize("kind", FORMATS)
def test_the_recipe_is_in_every_file(records: dict[str, ExportRecord], folder: Path, kind: str) -> None:
    path = folder / records[kind].path
    recipe = read_recipe(path)
    assert recipe.provenance == RECORD
    assert recipe.format == kind
    assert recipe.graph == GENERATED.blueprints[0].architecture
    assert verify_export(path, GENERATOR).difference <= 1e-5
    facts = explained(recipe, digest(path))
    assert facts["generator hash"] == RECORD.generator_digest
    assert facts["latent seed"] == "7"
    opset = records[kind].opset
    assert (opset is not None) == (kind == "onnx")
    assert facts["format"] == (kind if opset is None else f"onnx, opset {opset}")
    assert facts["scores"].startswith("test score 0.900 [0.870, 0.920] on 449 examples")


def test_constraints_in_force_are_explained(tmp_path: Path) -> None:
    rules = {"forbid": ["attention before stage 2"], "max_depth": 5}
    path = write_network(tmp_path / "a.safetensors", GENERATED, 0, RECORD.model_copy(update={"rules": rules}))
    facts = explained(read_recipe(path), digest(path))
    assert facts["constraints in force"] == "forbid: attention before stage 2; max depth: 5"
    assert explained(read_recipe(path), "")["architecture key"] == GENERATED.blueprints[0].architecture.key


def test_verify_says_where_it_differs(tmp_path: Path) -> None:
    state = GENERATED.state_dict(0)
    state["hidden_1.linear.weight"][1, 2] += 0.25
    changed = GENERATED.with_states([state])
    path = write_network(tmp_path / "a.safetensors", changed, 0, RECORD)
    with pytest.raises(RunFailed, match=r"hidden_1.linear.weight in 1 of \d+ values, most at \[1, 2\] by 0.25;"):
        verify_network(path, GENERATOR)
    everything = GENERATED.with_states([{name: 2 * value + 1 for name, value in GENERATED.state_dict(0).items()}])
    for record in export_network(everything, 0, tmp_path / "x", "one", RECORD, ROWS, ("onnx", "torch-export", "hub")):
        with pytest.raises(RunFailed, match="weight" if record.format == "hub" else "output"):
            verify_export(tmp_path / record.path, GENERATOR)
    other = make_generator("mlp", {"d": 16, "hidden": 8})
    with pytest.raises(WeightloomError, match="expected generator 'mlp' with digest"):
        verify_export(tmp_path / "x" / "one", other)


def _repacked(data: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


def _inputs(parts: dict[str, bytes]) -> None:
    parts["archive/data/sample_inputs/model.pt"] = pickle.dumps(_Bomb())


def _weights(parts: dict[str, bytes]) -> None:
    config = json.loads(parts["archive/data/weights/model_weights_config.json"])
    first = next(iter(config["config"].values()))
    first["use_pickle"] = True
    parts["archive/data/weights/" + first["path_name"]] = pickle.dumps(_Bomb())
    parts["archive/data/weights/model_weights_config.json"] = json.dumps(config).encode()


def _expression(parts: dict[str, bytes]) -> None:
    model = parts["archive/models/model.json"]
    parts["archive/models/model.json"] = model.replace(
        b"Symbol('s77', positive=True, integer=True)", b"exec('raise SystemExit(1)')"
    ).replace(b"s77", b"s77")
    assert parts["archive/models/model.json"] != model


def _guard(parts: dict[str, bytes]) -> None:
    model = json.loads(parts["archive/models/model.json"])
    model["guards_code"] = ["exec('raise SystemExit(1)')"]
    parts["archive/models/model.json"] = json.dumps(model).encode()


def _another(parts: dict[str, bytes]) -> None:
    parts["archive/data/constants/custom_obj_0"] = pickle.dumps(_Bomb())


@pytest.mark.parametrize("change", [_inputs, _weights, _expression, _guard, _another])
def test_a_program_with_code_in_it_is_refused(
    records: dict[str, ExportRecord], folder: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    data = (folder / "exports/one.pt2").read_bytes()
    (tmp_path / "same.pt2").write_bytes(_repacked(data, lambda parts: None))
    read_program(tmp_path / "same.pt2")(ROWS)
    (tmp_path / "bad.pt2").write_bytes(_repacked(data, change))
    with pytest.raises(DamagedFile, match=r"bad\.pt2"):
        read_program(tmp_path / "bad.pt2")


def test_damage_is_named(records: dict[str, ExportRecord], folder: Path, tmp_path: Path) -> None:
    for name in ("one.pt2", "one.onnx", "one.safetensors"):
        whole = (folder / "exports" / name).read_bytes()
        for cut in (0, 10, len(whole) // 2):
            (tmp_path / name).write_bytes(whole[:cut])
            with pytest.raises(DamagedFile, match=name):
                read_recipe(tmp_path / name)
    hub = tmp_path / "hub"
    hub.mkdir()
    for name in ("README.md", "config.json", "model.safetensors"):
        (hub / name).write_bytes((folder / "exports/one" / name).read_bytes())
    (hub / "model.safetensors").write_bytes((hub / "model.safetensors").read_bytes()[:-1] + b"\1")
    for read in (load_pretrained, read_recipe):
        with pytest.raises(DamagedFile, match=r"model\.safetensors"):
            read(hub)
    with pytest.raises(WeightloomError, match="another kind"):
        read_recipe(tmp_path / "a.txt")
    with pytest.raises(WeightloomError, match="got another folder; those of a run lie in its folder exports"):
        read_recipe(tmp_path)


def test_a_hub_folder_keeps_what_a_smaller_network_selects(tmp_path: Path) -> None:
    """Where closed neurons leave branches of differing channels, the architecture alone does not say which meet."""
    space = open_space("mlp", inputs=6, outputs=3, shape=(6,))
    draw = np.random.default_rng(0)
    blueprints = [Blueprint.of(space.sample(draw)) for _ in range(40)]
    torch.manual_seed(0)
    made = make_generator("mlp", {"d": 16, "hidden": 16}).generate(blueprints, range(40), 0.4)
    selecting = next(i for i in range(40) if compact(made, i).selected_channels)
    network = compact(made, selecting)
    recipe = {"architecture": made.blueprints[selecting].architecture.to_dict(), "provenance": {}}
    write_hub(tmp_path / "one", network, recipe, "# card")
    again = load_pretrained(tmp_path / "one")
    assert torch.equal(again(ROWS), network(ROWS))
    assert torch.allclose(again(ROWS), made.network(selecting)(ROWS), atol=1e-5)
    chosen = {name: [-2] * len(places) for name, places in network.selected_channels.items()}
    with pytest.raises(WeightloomError, match="to select, got others"):
        GraphNetwork(network.architecture, chosen)
