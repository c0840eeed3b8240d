"""Real trials in real worker processes: killed in the middle of training, limited, joined by URL from elsewhere."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from benchmarks.postgresql_server import PASSWORD, programs, server
from generators.saving import from_pretrained, generator_digest
from sweeps.config import SweepConfig, resolve
from sweeps.folder import CONFIG, RunFolder
from sweeps.limits import resident_mb
from sweeps.opening import opened
from sweeps.place import VARIABLE
from sweeps.proposal import first_parameters
from sweeps.repeating import REASON
from sweeps.status import status_of
from weightloom.__main__ import main
from workbench.evaluation import brief
from workbench.summary import Summary

SMALL = {
    **{"trials": 1, "tracker": "none", "families": [{"family": "mlp", "modes": ["both"]}], "checkpoint_seconds": 0.01},
    **{"training.steps": 60, "training.zoo_steps": 60, "evaluation.thorough": False, "evaluation.latents": 2},
    **{"zoo.pool": 8, "zoo.networks": 4, "zoo.validation": 2, "zoo.test": 2, "zoo.recipe.steps": 10},
    **{"zoo.real_recipe.steps": 20},
}
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != VARIABLE} | {"OMP_NUM_THREADS": "1"}


def begun(runs: Path, name: str, url: str | None = None, **changes: Any) -> tuple[RunFolder, SweepConfig]:
    """A run as its leader leaves it to workers."""
    config = resolve("quick", {**SMALL, "name": name, **changes})
    folder = RunFolder(path=runs / name)
    folder.save_config(config)
    with opened(folder.place(url), name, 0) as store:
        store.target = config.trials
        store.note(CONFIG, config.to_yaml())
        store.enqueue(first_parameters(config, "mlp"))
    return folder, config


def worker(folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "weightloom", "worker", str(folder), *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env={**ENVIRONMENT, **environment}, **pipes)  # type: ignore[call-overload]


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, path
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The runs folder with its zoo, and the digest of the generator that nobody disturbed."""
    runs = tmp_path_factory.mktemp("runs")
    folder, _ = begun(runs, "whole")
    process = worker(folder.path)
    stderr = process.communicate(timeout=250)[1]
    assert process.returncode == 0, stderr
    assert not folder.checkpoint(0).exists(), "a trial that has ended leaves no checkpoint"
    return runs, generator_digest(from_pretrained(folder.generator(0)))


@pytest.mark.parametrize("how", ["kill", "input closes"])
def test_a_trial_goes_on_from_its_checkpoint_to_the_same_bytes(whole: tuple[Path, str], how: str) -> None:
    runs, digest = whole
    folder, _ = begun(runs, how.replace(" ", "-"))
    process = worker(folder.path, "--attached")
    wait_for(folder.checkpoint(0), process)
    if how == "kill":
        process.send_signal(signal.SIGKILL)
    else:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    stderr = process.communicate(timeout=100)[1]
    assert process.returncode == (-signal.SIGKILL if how == "kill" else 128 + signal.SIGTERM), stderr
    assert folder.checkpoint(0).exists()
    again = worker(folder.path)
    stderr = again.communicate(timeout=250)[1]
    assert again.returncode == 0, stderr
    found = status_of(folder.path)
    assert (found["complete"], found["interrupted"], found["running"]) == (1, 1, 0)
    assert generator_digest(from_pretrained(folder.generator(1))) == digest
    assert not folder.checkpoint(0).exists()


def test_a_trial_that_takes_too_long_fails_alone(whole: tuple[Path, str]) -> None:
    folder, config = begun(whole[0], "slow", **{"limits.seconds": 1.0, "training.steps": 100_000, "trials": 1})
    process = worker(folder.path)
    stderr = process.communicate(timeout=250)[1]
    assert process.returncode == 0, stderr
    with opened(folder.place(None), config.name, 0, join=True) as store:
        (trial,) = store.ended()
        assert trial.state == TrialState.FAIL
        assert "limits.seconds: expected the trial to end within 1 s" in trial.user_attrs[REASON]


@pytest.mark.timeout(600)  # three processes load all libraries
def test_a_trial_that_takes_too_much_memory_fails_alone(
    whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two families is far too large; its worker ends, and the sweep comes to its own end."""
    monkeypatch.setattr(brief, "STEPS", (10,))
    monkeypatch.delenv(VARIABLE, raising=False)
    now = resident_mb()
    assert now is not None
    families = "families=[{family: mlp, settings: {hidden: 12288, layers: 2}}, {family: experts, settings: {d: 8}}]"
    changes = [f"{key}={value}" for key, value in SMALL.items() if key.startswith(("zoo", "evaluation"))]
    words = ["sweep", "quick", "--name", "heavy", "--tracker", "none", "--trials", "2", "--workers", "2"]
    words += [
        "--runs-folder",
        str(whole[0]),
        "--set",
        *changes,
        families,
        "baselines=[init]",
        "exports.top=0",
        "training.steps=5",
    ]
    code = main([*words, f"limits.memory_mb={int(now) + 300}"])
    said = capsys.readouterr().err
    assert code == 0, said
    assert "worker 1 ended with code 1" in said or "worker 2 ended with code 1" in said
    first, second = Summary.read(whole[0] / "heavy").trials
    assert (first.family, first.state, second.family, second.state) == ("mlp", "failed", "experts", "complete")
    assert first.reason is not None
    assert first.reason.startswith(f"limits.memory_mb: expected at most {int(now) + 300} MB, got ")
    found = status_of(whole[0] / "heavy")
    assert (found["complete"], found["failed"], found["interrupted"], found["running"]) == (1, 1, 0, 0)
    assert not (whole[0] / "heavy" / "generators" / "trial-000").exists()


def test_a_worker_joins_by_url_from_another_folder(whole: tuple[Path, str], tmp_path: Path) -> None:
    if programs() is None:
        assert "WEIGHTLOOM_NEEDS_POSTGRESQL" not in os.environ, "CI installs PostgreSQL"
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / ".zoo").symlink_to(whole[0] / ".zoo")
    key = "planted0wandb0key0planted0wandb0key00000"
    with server() as running:
        folder, _ = begun(tmp_path / "here", "joined", running.url)
        there = tmp_path / "there" / folder.path.name
        process = worker(there, **{VARIABLE: running.url, "WANDB_API_KEY": key})
        stderr = process.communicate(timeout=250)[1]
        assert process.returncode == 0, stderr
        assert status_of(folder.path, running.url)["complete"] == 1
    assert generator_digest(from_pretrained(RunFolder(path=there).generator(0))) == whole[1]
    texts = stderr + "".join(p.read_text(errors="replace") for p in tmp_path.rglob("*") if p.is_file())
    assert PASSWORD not in texts
    assert key not in texts
