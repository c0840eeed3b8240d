from __future__ import annotations

import dataclasses
import json
import math
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from example_summary import example_summary
from offline_runs import read_offline

from search_spaces import UnknownName, WeightloomError
from workbench.summary import ArchitectureRow
from workbench.tracking import NullTracker, Tracker, tracker_for
from workbench.tracking.comparison import Kept, shown_of
from workbench.tracking.figures import plots
from workbench.tracking.wandb_tracker import _WandbRun

SUMMARY = example_summary()
CURVE = [
    *(("zoo", step, 1 / (1 + step)) for step in range(0, 50, 10)),
    ("task", 0, 2.5),
    ("task", 7, math.nan),
]
CONFIG = {"d": 96, "nested": {"scheduler": "flow", "widths": [1, 2]}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A few trials tracked offline into one folder and read back, by name."""
    folder = tmp_path_factory.mktemp("run")
    before = dict(os.environ)
    tracker = tracker_for("wandb", folder, "sweep-1")
    for name, family in (("trial-0", "diffusion"), ("trial-1", "gaussian")):
        with tracker.trial(name, family, CONFIG) as run:
            run.curve(CURVE)
            run.summary(SUMMARY.generators[family])
    with pytest.raises(KeyError, match="lost"), tracker.trial("trial-2", "mlp", {}):
        raise KeyError("lost")
    with tracker.trial("trial-3", "mlp", {}) as run:
        run.stopped("pruned", "worse than the median")
    with tracker.trial("trial-4", "mlp", {}) as run:
        tracker.failed("loss was NaN")
    tracker.failed("the worker was killed")
    for export in SUMMARY.exports:
        (folder / export.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / export.path).write_text(export.path)
    for row in SUMMARY.of_kind("family").values():
        (folder / f"generators/trial-{row.trial:03d}").mkdir(parents=True)
        (folder / f"generators/trial-{row.trial:03d}/config.json").write_text("{}")
    tracker.comparison(SUMMARY, folder)
    assert dict(os.environ) == before
    return {found["name"]: found for found in map(read_offline, sorted(folder.glob("wandb/offline-run-*")))}


def test_each_trial_is_a_run_of_its_own(runs: dict[str, dict[str, Any]]) -> None:
    assert sorted(runs) == ["failed", "sweep-1-comparison", *(f"trial-{i}" for i in range(5))]
    for name, family in (("trial-0", "diffusion"), ("trial-1", "gaussian")):
        run = runs[name]
        assert (run["run"]["run_group"], run["run"]["job_type"], run["project"]) == (
            "sweep-1",
            family,
            "weightloom",
        )
        assert run["config"] == CONFIG
    assert len({run["run_id"] for run in runs.values()}) == len(runs)


def _table(run: dict[str, Any], name: str) -> list[dict[str, Any]]:
    table = json.loads((run["files"] / run["summary"][f"tables/{name}"]["path"]).read_text())
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def test_the_comparison_holds_every_figure_of_the_summary(runs: dict[str, dict[str, Any]]) -> None:
    run = runs["sweep-1-comparison"]
    assert (run["run"]["job_type"], run["run"]["run_group"]) == ("comparison", "sweep-1")
    assert run["run"]["tags"] == [SUMMARY.task, SUMMARY.space]
    kept = run["summary"]
    rows = {row["generator"]: row for row in _table(run, "generators")}
    assert list(rows) == list(SUMMARY.generators)
    for name, generator in SUMMARY.generators.items():
        assert rows[name]["verdict"] == ", ".join(verdict.label for verdict in generator.verdict)
        for metric, estimate in generator.metrics.items():
            for part in ("mean", "low", "high", "n"):
                value = getattr(estimate, part)
                assert kept.get(f"{name}/{metric}/{part}") == rows[name][f"{metric}/{part}"] == value, (metric, part)
    found = _table(run, "architectures")
    architectures = [ArchitectureRow(**{k: v for k, v in row.items() if k != "generator"}) for row in found]
    assert architectures == [row for g in SUMMARY.generators.values() for row in g.architectures]
    trials = {row["trial"]: row for row in _table(run, "trials")}
    for trial in SUMMARY.trials:
        own = trials[trial.number]
        assert (own["state"], own["seconds"], own["reason"]) == (trial.state, trial.seconds, trial.reason)
        assert all(own[name] == value for name, value in trial.values.items())
    assert [row["sha256"] for row in _table(run, "exports")] == [export.sha256 for export in SUMMARY.exports]
    charts = {name.split("/")[1] for name in kept if name.startswith("charts/")}
    assert charts == {"plane", "collapse", "sparsity", "fronts", "pareto", "architectures"}


def test_generators_and_networks_are_artifacts_with_lineage(runs: dict[str, dict[str, Any]]) -> None:
    found = {one["name"]: one for one in runs["sweep-1-comparison"]["artifacts"]}
    generators = {name for name, one in found.items() if one["type"] == "generator"}
    assert generators == {f"{SUMMARY.name}-{family}-generator" for family in SUMMARY.of_kind("family")}
    networks = [json.loads(one["metadata"]) for one in found.values() if one["type"] == "network"]
    assert networks
    assert all(facts["generator"] in generators for facts in networks)
    assert {sha for facts in networks for sha in facts["sha256"].values()} == {e.sha256 for e in SUMMARY.exports}


class _Recorded:
    """A W&B run that only notes what is done with artifacts."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.summary: dict[str, Any] = {}

    def log(self, shown: Any) -> None:
        pass

    def use_artifact(self, artifact: Any) -> None:
        self.calls.append(("use", artifact.type))

    def log_artifact(self, artifact: Any) -> None:
        self.calls.append(("log", artifact.type))


def test_online_generators_are_inputs_and_networks_outputs(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    kept = [
        Kept(name=f"one {kind}", kind=kind, paths={"a": tmp_path / "a"}, facts={}) for kind in ("generator", "network")
    ]
    run = _Recorded()
    _WandbRun(run).compared(dataclasses.replace(shown_of(SUMMARY, tmp_path), kept=kept, charts={}, tables={}), use=True)
    assert run.calls == [("use", "generator"), ("log", "network")]


@pytest.mark.parametrize(("name", "family"), [("trial-0", "diffusion"), ("trial-1", "gaussian")])
def test_every_figure_is_the_summarys(runs: dict[str, dict[str, Any]], name: str, family: str) -> None:
    kept, summary = runs[name]["summary"], SUMMARY.generators[family]
    assert len(summary.metrics) > 5  # figures that were not measured are null, which the reader leaves out
    for metric, estimate in summary.metrics.items():
        for part in ("mean", "low", "high", "n"):
            assert kept.get(f"{metric}/{part}") == getattr(estimate, part), (metric, part)
    assert kept["budget/steps"] == summary.budget.steps
    assert kept["budget/seconds"] == summary.budget.seconds
    assert (kept["kind"], kept["family"], kept.get("mode"), kept.get("trial")) == (
        summary.kind,
        summary.family,
        summary.mode,
        summary.trial,
    )
    assert kept["verdict"] == ", ".join(verdict.label for verdict in summary.verdict)
    assert kept["state"] == "complete"
    table = json.loads((runs[name]["files"] / kept["architectures"]["path"]).read_text())
    rows = [ArchitectureRow(**dict(zip(table["columns"], row, strict=True))) for row in table["data"]]
    assert rows == summary.architectures


def test_curves_keep_phase_step_and_loss(runs: dict[str, dict[str, Any]]) -> None:
    found = []
    for item in runs["trial-0"]["history"]:
        for phase in ("zoo", "task"):
            if f"{phase}/loss" in item:
                found.append((phase, item[f"{phase}/step"], float(item[f"{phase}/loss"])))
    assert repr(found) == repr(CURVE)


def test_plots_are_kept(runs: dict[str, dict[str, Any]]) -> None:
    figures = plots(SUMMARY.generators["diffusion"])
    assert sorted(figures) == ["architectures", "overlap", "regret", "sparsity"]
    for name, figure in figures.items():
        kept = runs["trial-0"]["summary"][f"plots/{name}"]
        data = json.loads((runs["trial-0"]["files"] / kept["path"]).read_text())["data"]
        assert [trace["type"] for trace in data] == [trace["type"] for trace in figure["data"]]


def test_a_curve_of_single_weights_is_a_plot_of_its_own() -> None:
    row = SUMMARY.generators["diffusion"]
    weights = [point.model_copy(update={"kind": "weights"}) for point in row.sparsity_curve[:3]]
    figures = plots(row.model_copy(update={"sparsity_curve": [*row.sparsity_curve, *weights]}))
    assert figures["sparsity"] == plots(row)["sparsity"]
    assert sum(len(line["x"]) for line in figures["sparsity_of_weights"]["data"]) == 3


def test_ends_have_a_state_and_a_reason(runs: dict[str, dict[str, Any]]) -> None:
    found = {
        name: (run["summary"]["state"], run["summary"].get("reason"), run["exit_code"]) for name, run in runs.items()
    }
    assert found == {
        "trial-0": ("complete", None, 0),
        "trial-1": ("complete", None, 0),
        "trial-2": ("failed", "KeyError: 'lost'", 1),
        "trial-3": ("pruned", "worse than the median", 0),
        "trial-4": ("failed", "loss was NaN", 1),
        "failed": ("failed", "the worker was killed", 1),
        "sweep-1-comparison": ("complete", None, 0),
    }


OFFLINE = """
import sys
from workbench.tracking import tracker_for
from example_summary import example_summary
with tracker_for("wandb", sys.argv[1], "g").trial("t", "mlp", {}) as run:
    run.curve([("zoo", 0, 1.0)])
    run.summary(example_summary().generators["diffusion"])
"""


def test_offline_asks_no_network_prints_nothing_and_stays_in_its_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")} | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "WANDB_API_KEY": "0" * 40,
            "WANDB_MODE": "online",
            "WANDB_BASE_URL": address,
            "HTTP_PROXY": address,
            "HTTPS_PROXY": address,
            "https_proxy": address,
            "NO_PROXY": "",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])]),
        }
        command = [sys.executable, "-c", OFFLINE, str(tmp_path / "run")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, timeout=120)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["wandb"]
    assert not any("wandb" in path.name for path in home.rglob("*"))


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightloomError, match="file"):
        tracker_for("wandb", tmp_path / "file", "g")


def test_two_open_trials_are_refused(tmp_path: Path) -> None:
    tracker = tracker_for("wandb", tmp_path, "g")
    with (
        tracker.trial("first", "mlp", {}),
        pytest.raises(WeightloomError, match="second"),
        tracker.trial("second", "mlp", {}),
    ):
        pass


def test_none_keeps_nothing_and_unknown_is_unknown(tmp_path: Path) -> None:
    tracker: Tracker = tracker_for("none", tmp_path, "g")
    assert isinstance(tracker, NullTracker)
    with tracker.trial("t", "mlp", {}) as run:
        run.curve(CURVE)
        run.summary(SUMMARY.generators["mlp"])
        run.stopped("failed", "x")
    tracker.failed("y")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownName, match="Did you mean 'wandb'"):
        tracker_for("wanbd", tmp_path, "g")
