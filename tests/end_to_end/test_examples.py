"""The scripts of ``examples`` on a small part, and what they rest on: `Experiment` and `compare` for notebooks."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from search_spaces import WeightloomError
from weightloom.__main__ import main
from workbench import Experiment, compare, finishing
from workbench.evaluation import brief
from workbench.export import read_network
from workbench.summary import Summary

EXAMPLES = Path(__file__).parents[2] / "examples"
Capture = pytest.CaptureFixture[str]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief, "STEPS", (10,))
    monkeypatch.setattr(finishing, "RATES", (1e-2,))


def test_own_data(tmp_path: Path, capsys: Capture) -> None:
    report = script("own_data").main(tmp_path, steps=10, networks=4, test=2, latents=2)
    assert "wine" in report.read_text()
    said = capsys.readouterr().out
    assert "fidelity" in said
    assert "gaussian" in said
    summary = Summary.read(tmp_path / "wine")
    assert (summary.task, next(iter(summary.generators)), len(summary.generators)) == ("wine", "mlp", 8)
    assert main(["compare", str(tmp_path / "wine")]) == 0  # the command line says of the folder what the notebook did
    assert capsys.readouterr().out.split() == said.split()
    assert (tmp_path / "wine" / "generator" / "config.json").exists()


def test_own_generator(tmp_path: Path, capsys: Capture) -> None:
    script("own_generator").main(tmp_path, steps=10, networks=4, test=2, latents=2)
    assert "shared" in capsys.readouterr().out
    summary = Summary.read(tmp_path / "shared")
    metrics = summary.generators["shared"].metrics
    assert metrics["fidelity"].mean > 0
    assert "latent_lipschitz" not in metrics  # no latent differs from another
    assert not (tmp_path / "shared" / "generator").exists()  # nobody could load a class that is not registered


def test_search_and_export(tmp_path: Path, capsys: Capture) -> None:
    written = script("search_and_export").main(tmp_path, steps=10, networks=4, candidates=20)
    assert {path.suffix for path in written} == {".safetensors", ".onnx"}
    import onnxruntime

    (weights, onnx) = sorted(written, key=lambda path: path.suffix, reverse=True)
    x = torch.randn(3, 64)
    session = onnxruntime.InferenceSession(str(onnx))
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(got, read_network(weights).module(x).detach().numpy(), atol=1e-5)


def test_mistakes_are_told_by_name() -> None:
    with pytest.raises(WeightloomError, match=r"experiment, zoo: key 'networkz'"):
        Experiment("mlp", zoo={"networkz": 4})
    with pytest.raises(WeightloomError, match=r"experiment, training: key 'steps': expected .*, got 0"):
        Experiment("mlp", training={"steps": 0})
    with pytest.raises(WeightloomError, match=r"unknown generator 'mpl'\. Did you mean 'mlp'"):
        Experiment("mpl").run()
    with pytest.raises(WeightloomError, match="make a run first"):
        compare("nothing")


def test_packages_are_light_until_used() -> None:
    code = (
        "import sys, workbench, sweeps\n"
        "print([name for name in ('torch', 'optuna', 'pytorch_lightning') if name in sys.modules])\n"
        "from workbench import Experiment, compare\n"
        "from sweeps import resolve, run_sweep, run_bench, export_run\n"
        "print(Experiment.__name__, compare.__name__, resolve('quick').trials)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "Experiment compare 3"]
