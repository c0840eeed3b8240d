"""The smaller verbs on a real run, and what they say when something is wrong."""

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest_sweep import Sweep
from verbs import Capture, bad, ok

from search_spaces import MLPSpace
from weightloom.__main__ import main
from workbench.export import read_network
from workbench.summary import Summary
from workbench.tasks import load_task


def generator_of(sweep: Sweep, family: str = "mlp") -> Path:
    number = next(t.number for t in sweep.summary.trials if t.family == family and t.state == "complete")
    return sweep.folder / "generators" / f"trial-{number:03d}"


def test_compare(sweep: Sweep, capsys: Capture) -> None:
    found = ok(capsys, "compare", str(sweep.folder))
    assert len(found["rows"]) == sum(len(g.metrics) for g in sweep.summary.generators.values())  # type: ignore[arg-type]
    assert main(["compare", str(sweep.folder), str(sweep.folder / "summary.json")]) == 0
    assert "fidelity" in capsys.readouterr().out
    assert main(["compare", str(sweep.folder), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("run,generator,kind,family,metric,mean,low,high,n\n")
    assert main(["compare", str(sweep.folder), "--latex"]) == 0
    assert "\\toprule" in capsys.readouterr().out
    assert "got several" in bad(capsys, "compare", str(sweep.folder), "--csv", "--latex")
    assert "ENTITY/PROJECT" in bad(capsys, "compare", str(sweep.folder), "--wandb", "nobody")
    assert "weightloom sweep" in bad(capsys, "compare", str(sweep.runs / "nothing"))


def test_evaluate_gives_the_figures_of_the_sweep(sweep: Sweep, capsys: Capture) -> None:
    runs = ("--preset", "quick", "--runs-folder", str(sweep.runs))
    found = ok(capsys, "evaluate", str(generator_of(sweep)), *runs)
    expected = sweep.summary.generators["mlp"].metrics["fidelity"].mean
    assert found["metrics"]["fidelity"]["mean"] == pytest.approx(expected, abs=1e-5)  # type: ignore[index]
    bare = ("--set", "evaluation.thorough=false")
    sparse = ok(capsys, "evaluate", str(generator_of(sweep)), *runs, "--sparsity", "0.9", *bare)
    assert 0.7 < sparse["metrics"]["sparsity"]["mean"] < 0.9, "biases stay"  # type: ignore[index]
    assert "below 1" in bad(capsys, "evaluate", str(generator_of(sweep)), "--sparsity", "1")


def test_generate_and_verify(sweep: Sweep, capsys: Capture, tmp_path: Path) -> None:
    folder = str(generator_of(sweep))
    found = ok(capsys, "generate", folder, "--sample", "2", "--seed", "5", "--out", str(tmp_path / "a"))
    assert len(found["networks"]) == 2  # type: ignore[arg-type]
    file = tmp_path / "one.json"
    import numpy as np

    file.write_text(MLPSpace(inputs=64, outputs=10).sample(np.random.default_rng(1)).to_json())
    ok(
        capsys,
        "generate",
        folder,
        "--architecture",
        str(file),
        "--out",
        str(tmp_path / "b"),
        "--density",
        "0.5",
        "--sparsity",
        "0.9",
    )
    small = ("--weights-as", "int4", "--max-norm", "0.5")
    made = ok(capsys, "generate", folder, "--architecture", str(file), "--out", str(tmp_path / "b"), *small)
    (record,) = made["networks"]  # type: ignore[misc]
    assert record["weights_as"] == "int4"
    assert 0 <= record["score_as_float"] <= 1
    assert record["norm"] <= 0.5
    assert record["bytes"] < max(path.stat().st_size for path in (tmp_path / "b").iterdir())
    assert "Known: bf16, float32, int4, int8" in bad(
        capsys, "generate", folder, "--sample", "1", "--out", str(tmp_path / "c"), "--weights-as", "int5"
    )
    assert "--max-lipschitz: expected" in bad(
        capsys, "generate", folder, "--sample", "1", "--out", str(tmp_path / "c"), "--max-lipschitz", "-1"
    )
    paths = [*(tmp_path / "a").iterdir(), *(tmp_path / "b").iterdir(), *sweep.folder.glob("exports/*.safetensors")]
    assert len(paths) >= 4
    for path in paths:
        assert ok(capsys, "verify", str(path))["difference"] == 0
    sparse = next(path for path in (tmp_path / "b").iterdir() if "int4" not in path.name)
    assert read_network(sparse).provenance.weights == 0.1
    damaged = paths[0]
    damaged.write_bytes(damaged.read_bytes()[:-4])
    assert damaged.name in bad(capsys, "verify", str(damaged))


def test_export_adds_to_the_run(sweep: Sweep, capsys: Capture, tmp_path: Path) -> None:
    copy = tmp_path / "runs" / "quick"
    shutil.copytree(sweep.runs / ".zoo", tmp_path / "runs" / ".zoo")
    shutil.copytree(sweep.folder, copy, ignore=shutil.ignore_patterns("wandb"))
    known = ok(capsys, "verify", "--ledger", str(copy))  # the sweep's own, and what other tests took from it
    before, altered = known["lines"], known["remarks"]
    assert before >= 2  # type: ignore[operator]
    found = ok(capsys, "export", str(copy), "--family", "transformer", "--top", "2", "--to", "safetensors")
    assert len(found["exports"]) == 2  # type: ignore[arg-type]
    exports = Summary.read(copy).exports
    assert {export.generator for export in exports[-2:]} == {"transformer"}
    assert exports[:-2] == sweep.summary.exports
    found = ok(capsys, "export", str(copy), "--weights-as", "bf16")
    assert [export["weights_as"] for export in found["exports"]] == ["bf16", "bf16"]  # type: ignore[attr-defined]
    assert "Did you mean 'mlp'" in bad(capsys, "export", str(copy), "--family", "mpl")
    formats = ("safetensors", "onnx", "torch-export", "hub")
    found = ok(capsys, "export", str(copy), "--best", "trade-off", "--to", ",".join(formats))
    assert [export["format"] for export in found["exports"]] == list(formats)  # type: ignore[attr-defined]
    for export in found["exports"]:  # type: ignore[attr-defined]
        path = str(copy / export["path"])
        assert ok(capsys, "verify", path)["difference"] <= 1e-5  # type: ignore[operator]
        told = ok(capsys, "explain", path)
        assert told["sha256"] == export["sha256"]
        assert told["provenance"]["task_digest"] == load_task("digits").digest()  # type: ignore[index]
    assert main(["explain", path]) == 0
    assert "latent seed" in capsys.readouterr().out
    ok(
        capsys,
        "generate",
        str(copy / "generators" / generator_of(sweep).name),
        "--sample",
        "1",
        "--out",
        str(tmp_path / "o"),
    )
    checked = ok(capsys, "verify", "--ledger", str(copy))
    assert checked["lines"] == before + 2 + 2 + 4 + 1, "three exports and a generated network"  # type: ignore[operator]
    assert checked["remarks"] == altered
    lines = (copy / "ledger.jsonl").read_text().splitlines(keepends=True)
    (copy / "ledger.jsonl").write_text("".join([*lines[:2], *lines[3:]]))
    assert "line 3" in bad(capsys, "verify", "--ledger", str(copy))
    assert "'trade-off'" in bad(capsys, "export", str(copy), "--best", "luck")
    assert "'safetensors', 'onnx', 'torch-export' or 'hub'" in bad(capsys, "export", str(copy), "--to", "pickle")
    assert "greater than or equal to 0" in bad(capsys, "export", str(copy), "--top", "-1")


def test_train_saves_a_generator(sweep: Sweep, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "generator"
    arguments = (
        *("train", "transformer", "--preset", "quick", "--mode", "zoo", "--steps", "2"),
        *("--settings", "d=16", "layers=1", "--set", "evaluation.thorough=false"),
        *("--runs-folder", str(sweep.runs), "--out", str(out)),
    )
    assert "fidelity" in ok(capsys, *arguments)["metrics"]  # type: ignore[operator]
    origin = json.loads((out / "origin.json").read_text())
    assert (origin["mode"], origin["zoo_digest"]) == ("zoo", sweep.summary.zoo["hash"])
    assert "--out" in bad(capsys, *arguments)


def test_a_narrower_space_goes_with_its_generator(sweep: Sweep, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "generator"
    narrow = ("--set", "space_settings.widths=[9, 11]", "space_settings.depths=[1]", "zoo.pool=4", "zoo.networks=4")
    small = ("zoo.test=2", "zoo.validation=2", "evaluation.thorough=false")
    runs = ("--runs-folder", str(tmp_path / "runs"))
    ok(capsys, "train", "mlp", "--preset", "quick", "--steps", "2", *narrow, *small, *runs, "--out", str(out))
    written = ok(capsys, "generate", str(out), "--sample", "2", "--out", str(tmp_path / "networks"))["networks"]
    for record in written:  # type: ignore[attr-defined]
        network = read_network(tmp_path / "networks" / record["path"])
        assert dict(network.architecture.nodes[1].choices)["width"] in (9, 11)


def test_a_run_is_safe_from_mistakes(sweep: Sweep, capsys: Capture) -> None:
    before = (sweep.folder / "summary.json").read_bytes()
    arguments = ("sweep", "quick", "--runs-folder", str(sweep.runs))
    assert "--resume" in bad(capsys, *arguments)
    message = bad(capsys, *arguments, "--resume", "--set", "training.steps=41")
    assert "'training.steps'" in message
    assert "got 41" in message
    assert "got both" in bad(capsys, *arguments, "--resume", "--overwrite")
    assert (sweep.folder / "summary.json").read_bytes() == before


@pytest.mark.parametrize("file", ["networks.safetensors", "zoo.json"])
@pytest.mark.parametrize("cut", [True, False], ids=["truncated", "altered"])
def test_a_damaged_zoo_is_named_and_never_used(
    sweep: Sweep, capsys: Capture, tmp_path: Path, file: str, cut: bool
) -> None:
    shutil.copytree(sweep.runs / ".zoo", tmp_path / ".zoo")
    path = tmp_path / ".zoo" / str(sweep.summary.zoo["hash"]) / file
    content = bytearray(path.read_bytes())
    if cut:
        del content[len(content) // 2 :]
    elif file == "zoo.json":
        content = bytearray(re.sub(rb'^(\s*"schema": )\d+', rb"\g<1>7", content, count=1, flags=re.MULTILINE))
    else:
        content[-9] ^= 1
    path.write_bytes(content)
    message = bad(capsys, "sweep", "quick", "--tracker", "none", "--runs-folder", str(tmp_path))
    assert file in message
    assert not (tmp_path / "quick" / "config.yaml").exists()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "origin.json"])
def test_a_damaged_generator_is_named(sweep: Sweep, capsys: Capture, tmp_path: Path, file: str) -> None:
    shutil.copytree(generator_of(sweep), tmp_path / "generator")
    path = tmp_path / "generator" / file
    path.write_bytes(path.read_bytes()[:-20])
    out = str(tmp_path / "out")
    assert file in bad(capsys, "generate", str(tmp_path / "generator"), "--sample", "1", "--out", out)
    path.unlink()
    assert file in bad(capsys, "evaluate", str(tmp_path / "generator"), "--preset", "quick")
