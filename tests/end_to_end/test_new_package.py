"""``weightloom new``: what it writes installs, passes its own tests as written, and stands beside what was there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from verbs import bad, ok

from search_spaces import SPACES, registry
from sweeps.config import resolve
from weightloom.__main__ import main
from workbench import finishing
from workbench.evaluation import brief

Capture = pytest.CaptureFixture[str]
NAMES = {"generator": "soft_mean", "space": "narrow", "task": "tunes"}
TINY = {"pool": 8, "networks": 8, "validation": 2, "test": 2, "seeds": 2, "recipe.steps": 10, "real_recipe.steps": 10}
SMALL = [*(f"zoo.{key}={value}" for key, value in TINY.items()), "training.steps=3", "baselines=[noise]"]
SMALL += ["evaluation.latents=2", "evaluation.curve=[]"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one package of each kind, and ``site``, where pip put them; nothing goes into the environment."""
    folder = tmp_path_factory.mktemp("own")
    for kind, name in NAMES.items():
        assert main(["new", kind, name, "--into", str(folder)]) == 0
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index")
    options = ("--no-deps", "--no-build-isolation", "--target", str(folder / "site"))
    done = subprocess.run(
        [*install, *options, *(f"./{name}" for name in NAMES.values())], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def installed(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if they were installed, for this process."""
    monkeypatch.syspath_prepend(packages / "site")
    monkeypatch.setattr(registry, "_points", registry._points.__wrapped__)  # what it knows is of before
    return packages


def test_written_packages_pass_the_contracts(packages: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(packages / "site"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NAMES.values()],
        cwd=packages,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 35


def test_listed(installed: Path, capsys: Capture) -> None:
    for kind, name in NAMES.items():
        assert main(["list", f"{kind}s", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[name]
    assert "which is a generator that is installed" in bad(capsys, "new", "generator", NAMES["generator"])
    assert "expected no such folder yet" in bad(capsys, "new", "task", NAMES["task"], "--into", str(installed))


@pytest.mark.parametrize("preset", ["quick", "demo"])
def test_a_new_space_is_large_enough_for_the_presets(preset: str, installed: Path) -> None:
    zoo = resolve(preset).zoo
    space = SPACES.load(NAMES["space"])(inputs=64, outputs=10)
    wanted = zoo.pool + zoo.test + zoo.validation
    assert len({one.key for one in space.sample_distinct(wanted, np.random.default_rng(0))}) == wanted


def test_stands_in_sweep_and_bench(
    installed: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(brief, "STEPS", (10,))
    monkeypatch.setattr(finishing, "RATES", (1e-2,))
    mine, where = NAMES["generator"], ("--runs-folder", str(tmp_path))
    chosen = ("--generators", mine, "--task", NAMES["task"], "--space", NAMES["space"], *where)
    sweep = ("sweep", "quick", "--name", "a", "--trials", "1", "--tracker", "none", *chosen)
    result = ok(capsys, *sweep, "--set", *SMALL)["result"]
    assert isinstance(result, dict)
    assert list(result["generators"]) == [mine, "noise", "real"]
    assert result["generators"][mine]["kind"] == "family"
    assert result["generators"][mine]["metrics"]["fidelity"]["mean"] > 0
    assert f"--generators {mine}" in result["budget"]["command"]
    assert (tmp_path / "a" / "report.html").read_text().count(mine) > 3
    bench = ("bench", "quick", "--kinds", "shared-base", "--repeats", "1", *chosen, "--set", *SMALL)
    results = ok(capsys, *bench)["results"]
    assert isinstance(results, dict)
    (summary,) = results.values()
    assert list(summary["generators"]) == [mine, "noise", "real"]
    assert summary["generators"][mine]["metrics"]["fidelity"]["mean"] > 0
