"""A run at a URL: begun here, gone on with on another machine."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest

from search_spaces import WeightloomError
from sweeps.config import resolve
from sweeps.status import status_of
from sweeps.study import run_sweep
from workbench.evaluation import brief
from workbench.remote import Remote

SMALL: dict[str, Any] = {
    **{"name": "kept", "tracker": "none", "families": [{"family": "mlp", "modes": ["task"]}], "baselines": ["init"]},
    **{"training.steps": 10, "training.architectures": 2, "evaluation.thorough": False, "evaluation.latents": 2},
    **{"zoo.pool": 8, "zoo.networks": 4, "zoo.validation": 2, "zoo.test": 2, "zoo.recipe.steps": 10},
    **{"zoo.real_recipe.steps": 20, "exports.top": 0},
}


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief, "STEPS", (10,))


def test_another_machine_goes_on_with_a_run_and_its_zoo(tmp_path: Path) -> None:
    url = f"memory://{secrets.token_hex(4)}"
    first, second = tmp_path / "first", tmp_path / "second"
    run_sweep(resolve("quick", {**SMALL, "trials": 1}), first, remote=url)
    names = Remote(url).names("kept")
    assert {"config.yaml", "study.db", "summary.json", "report.html", "trials/000.json"} <= set(names)
    with pytest.raises(WeightloomError, match=r"expected a new name, got one that is kept at memory://"):
        run_sweep(resolve("quick", {**SMALL, "trials": 1}), second, remote=url)
    assert not (second / "kept").exists()
    summary = run_sweep(resolve("quick", {**SMALL, "trials": 2}), second, remote=url, resume=True)
    assert len(summary.trials) == 2
    (zoo,) = (first / ".zoo").iterdir()
    for file in zoo.iterdir():  # fetched, not trained again: the time it took is in it
        assert (second / ".zoo" / zoo.name / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(WeightloomError, match="another machine went on with the run"):
        run_sweep(resolve("quick", {**SMALL, "trials": 3}), first, remote=url, resume=True)
    shutil.rmtree(first / "kept")
    Remote(url).fetch("kept", first / "kept")
    assert status_of(first / "kept")["complete"] == 2


def test_a_trial_that_is_given_up_leaves_a_reason_and_no_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.worker.judge", lambda plan, found, finished, family: "hopeless" if finished else None)
    config = resolve("quick", {**SMALL, "trials": 2, "pruning": {"at": 0.5}})
    summary = run_sweep(config, tmp_path)
    assert [(trial.state, trial.reason) for trial in summary.trials] == [("complete", None), ("pruned", "hopeless")]
    folder = tmp_path / "kept"
    assert [path.name for path in (folder / "generators").iterdir()] == ["trial-000"]
    assert not list((folder / "checkpoints").glob("*"))
    assert status_of(folder)["pruned"] == 1
