"""What a newcomer gets: a killed and resumed sweep with everything it promises."""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest_sweep import Sweep, stop_at
from offline_runs import read_offline

from generators.saving import from_pretrained
from sweeps.config import ExportPlan, read_config, resolve
from sweeps.exporting import Chosen, export_best
from sweeps.folder import RunFolder
from sweeps.single import verify_file
from sweeps.study import open_laboratory
from sweeps.watching import Silent
from weightloom.__main__ import main
from workbench.export import read_network
from workbench.report.page import reproduce_command
from workbench.tasks import load_task

FAMILIES = ("mlp", "transformer", "diffusion")
BASELINES = ("init", "retrieve", "noise", "average", "gaussian", "pca")
PROMISED = {
    "fidelity", "fidelity_worst_decile", "rank_tau", "valid", "sparsity", "latency_ms", "nfe", "train_seconds",
}  # fmt: skip


def test_finished_trials_are_kept_and_none_is_run_twice(sweep: Sweep) -> None:
    assert "trials/000.json" in sweep.before, "the first trial had finished before the kill"
    assert "generators/trial-000/model.safetensors" in sweep.before
    for name, content in sweep.before.items():
        assert (sweep.folder / name).read_bytes() == content, name
    assert "1 interrupted trial is run again" in sweep.stderr
    assert "1 of 3 trials had ended before" in sweep.stderr
    complete = [trial for trial in sweep.summary.trials if trial.state == "complete"]
    assert sorted(trial.family for trial in complete) == sorted(FAMILIES)


def test_the_interrupted_trial_says_so_and_is_repeated_with_its_settings(sweep: Sweep) -> None:
    (lost,) = [trial for trial in sweep.summary.trials if trial.state != "complete"]
    assert lost.state == "failed"
    assert lost.reason is not None
    assert "interrupted" in lost.reason
    again = next(t for t in sweep.summary.trials if t.family == lost.family and t.state == "complete")
    assert again.params == lost.params


def test_the_summary_is_complete(sweep: Sweep) -> None:
    summary = sweep.summary
    assert tuple(summary.generators) == (*sorted(FAMILIES, key=list(summary.generators).index), *BASELINES, "real")
    assert "problems" not in summary.budget
    for name, generator in summary.generators.items():
        missing = PROMISED - set(generator.metrics)
        assert not missing or generator.kind == "real", (name, missing)
        assert len(generator.architectures) == 4
    assert summary.generators["real"].mean("fidelity") == pytest.approx(1.0)
    assert {point.baseline for point in summary.frontier} == {"noise", "noise-oracle"}
    assert summary.pareto
    assert {point.trial for point in summary.pareto} <= {t.number for t in summary.trials if t.values}
    assert summary.versions["optuna"]
    assert len(str(summary.zoo["hash"])) == 16
    assert summary.seconds > 0


def test_exports_are_as_sparse_as_the_trial_that_they_come_from(sweep: Sweep, tmp_path: Path) -> None:
    folder = RunFolder(path=shutil.copytree(sweep.folder, tmp_path / "quick"))
    config = read_config(folder.config)
    laboratory = open_laboratory(config, sweep.runs, Silent())
    chosen = Chosen(trial=0, family="mlp", density=1.0, weights=0.2)
    plan = ExportPlan(formats=("safetensors",))
    (record,) = export_best(config, folder, laboratory, chosen, plan, Silent())
    loaded = read_network(folder.path / record.path)
    assert loaded.provenance.weights == 0.2
    weights = [p for p in loaded.module.parameters() if p.dim() == 2]
    share = sum(int((p != 0).sum()) for p in weights) / sum(p.numel() for p in weights)
    assert share == pytest.approx(0.2, abs=0.01)
    assert verify_file(folder.path / record.path, None).difference <= 1e-5


def test_json_is_the_summary_and_paths(sweep: Sweep) -> None:
    assert sweep.result["result"] == sweep.summary.model_dump(mode="json", by_alias=True)
    for path in (sweep.result["summary"], sweep.result["report"], *sweep.result["exports"]):
        assert Path(path).is_file()


def test_the_folder_is_self_contained(sweep: Sweep) -> None:
    found = {path.name for path in sweep.folder.iterdir()}
    assert {
        "summary.json",
        "report.html",
        "config.yaml",
        "study.db",
        "generators",
        "trials",
        "exports",
        "wandb",
    } <= found
    assert not [name for name in found if name.startswith("study.db-")], "the journal is folded in"
    assert len(list((sweep.folder / "wandb").glob("offline-run-*"))) == 5, "one a trial, the killed one, and all of it"
    connection = sqlite3.connect(sweep.folder / "study.db")
    states = [row[0] for row in connection.execute("select state from trials order by number")]
    connection.close()
    assert sorted(states) == ["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"]


def test_offline_runs_hold_every_figure_of_the_summary(sweep: Sweep) -> None:
    whole = json.loads((sweep.folder / "summary.json").read_text())["generators"]
    runs = []
    for folder in sorted((sweep.folder / "wandb").glob("offline-run-*")):
        with contextlib.suppress(subprocess.CalledProcessError, StopIteration):  # the killed one
            runs.append(read_offline(folder))
    (comparison,) = [run for run in runs if run["run"]["job_type"] == "comparison"]
    trials = {row["trial"]: row for row in whole.values() if row["trial"] is not None}
    ended = [run for run in runs if run is not comparison and run["summary"].get("state") == "complete"]
    finished = {run["summary"]["trial"]: run for run in ended} | {None: comparison}
    checked = 0
    for prefix, row, run in (
        *((f"{name}/", row, comparison) for name, row in whole.items()),
        *(("", row, finished[number]) for number, row in trials.items()),
    ):
        for metric, estimate in row["metrics"].items():
            for part, value in estimate.items():
                assert run["summary"].get(f"{prefix}{metric}/{part}") == value, (prefix, metric, part)
                checked += value is not None
    assert checked > 500
    for number, run in finished.items():
        if number is not None:
            assert run["config"]["zoo"] == sweep.summary.zoo["hash"]
            assert run["run"]["tags"][:2] == ["digits", "mlp"]
    kinds = sorted(one["type"] for one in comparison["artifacts"] if one["type"] in ("generator", "network"))
    assert kinds == ["generator", "generator", "generator", "network"]


def test_the_report_shows_how_to_make_it_again(sweep: Sweep) -> None:
    assert reproduce_command(sweep.summary) == f"weightloom sweep quick --name quick --runs-folder {sweep.runs}"
    text = (sweep.folder / "report.html").read_text()
    assert "weightloom sweep quick" in text
    assert read_config(sweep.folder / "config.yaml") == resolve("quick")


def test_exports_compute_what_their_scores_say(sweep: Sweep) -> None:
    task = load_task("digits")
    best = max((t for t in sweep.summary.trials if t.values), key=lambda t: t.values["fidelity"] or 0)
    assert {export.format for export in sweep.summary.exports} == {"safetensors", "onnx"}
    for export in sweep.summary.exports:
        assert export.generator == best.family
        assert export.difference is not None
        assert export.difference <= 1e-5
        path = sweep.folder / export.path
        if export.format == "safetensors":
            logits = read_network(path).module(task.test.x).detach().numpy()
        else:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            (logits,) = session.run(None, {session.get_inputs()[0].name: task.test.x.numpy()})
        score = float((np.asarray(logits).argmax(-1) == task.test.y.numpy()).mean())
        assert score == pytest.approx(export.score, abs=1e-6)


def test_every_generator_can_be_loaded(sweep: Sweep) -> None:
    for trial in sweep.summary.trials:
        folder = sweep.folder / "generators" / f"trial-{trial.number:03d}"
        assert folder.exists() == (trial.state == "complete")
        if folder.exists():
            generator = from_pretrained(folder)
            assert generator.name == trial.family
            assert all(bool(torch.isfinite(value).all()) for value in generator.state_dict().values())


def test_ctrl_c_says_how_to_go_on(sweep: Sweep) -> None:
    arguments = ("sweep", "quick", "--name", "stopped", "--tracker", "none", "--runs-folder", str(sweep.runs))
    code, stderr = stop_at("trial 1 of 3", signal.SIGINT, *arguments)
    assert code == 130, stderr
    assert "Traceback" not in stderr
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("weightloom: stopped; finished trials are kept; go on with: weightloom sweep quick")
    assert last.endswith("--resume")


def test_a_broken_trial_is_recorded_and_the_sweep_goes_on(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    broken = "families.diffusion.training.zoo_weight=1e39"  # overflows to an infinite loss
    code = main(
        [
            *("sweep", "quick", "--name", "broken", "--tracker", "none", "--trials", "2"),
            *("--runs-folder", str(sweep.runs), "--set", "families=[{family: diffusion}, {family: mlp}]"),
            *("families.diffusion.modes=[both]", broken, "families.mlp.modes=[task]", "training.steps=2"),
            *("training.zoo_steps=1", "families.diffusion.settings={d: 16, layers: 1, steps: 2}"),
            *("baselines=[init]", "exports.top=0", "evaluation.thorough=false", "finish=[10]"),
        ]
    )
    out, err = capsys.readouterr()
    assert code == 0, err
    assert "Traceback" not in err + out
    from workbench.summary import Summary

    summary = Summary.read(sweep.runs / "broken")
    assert list(summary.generators) == ["mlp", "mlp+10", "init", "init+10", "real"]  # ten steps of real training more
    assert summary.generators["mlp+10"].trial == summary.generators["mlp"].trial
    first, second = summary.trials
    assert (first.family, first.state) == ("diffusion", "failed")
    assert first.reason is not None
    assert "the loss became inf" in first.reason
    assert "lower the learning rate" in first.reason
    assert (second.family, second.state) == ("mlp", "complete")
    assert (sweep.runs / "broken" / "trials" / "000.log").is_file()
    assert not (sweep.runs / "broken" / "generators" / "trial-000").exists()
