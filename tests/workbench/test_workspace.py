"""The W&B workspace as it would be saved, without a network."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from example_summary import example_summary

from search_spaces import WeightloomError
from workbench.tracking.comparison import shown_of
from workbench.tracking.figures import flat_figures, plots
from workbench.tracking.tracker import tracker_for
from workbench.tracking.workspace import save_workspace, workspace_of


def test_the_spec_names_our_runs_and_only_figures_that_trials_log(tmp_path: Path) -> None:
    spec = json.loads(workspace_of(["demo", "mine"], "somebody/weightloom")._to_model().model_dump_json(by_alias=True))
    assert (spec["entity"], spec["project"]) == ("somebody", "weightloom")
    text = json.dumps(spec)
    assert '"demo"' in text
    assert '"mine"' in text
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    panels = [panel for section in sections for panel in section["panels"]]
    assert len(panels) >= 15
    row = example_summary().generators["diffusion"]
    known = {*flat_figures(row), "rank_tau/mean", "latency_ms/mean", "zoo/loss", "task/loss"}
    for panel in panels:
        config = panel["config"]
        assert set(config.get("metrics") or ()) <= known
        for axis in ("xAxis", "yAxis"):
            name = str(config.get(axis) or "")
            assert not name.startswith("summary:") or name.removeprefix("summary:") in known
        for media in config.get("mediaKeys") or ():
            kind, name = media.split("/", 1)
            assert name in (shown_of(example_summary(), tmp_path).charts if kind == "charts" else plots(row))


@pytest.mark.parametrize("target", ["", "weightloom", "a/b/c", "/b", "a/"])
def test_a_wrong_target_is_named(target: str) -> None:
    with pytest.raises(WeightloomError, match="expected ENTITY/PROJECT"):
        workspace_of(["demo"], target)


def test_without_an_account_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WeightloomError, match="no key; run `wandb login`"):
        save_workspace(["demo"], "somebody/weightloom")
    with pytest.raises(WeightloomError, match="leave --wandb-online out"):  # before anything is trained
        tracker_for("wandb", tmp_path / "run", "demo", online=True)
    assert not (tmp_path / "run").exists()


def test_without_the_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fail(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("wandb_workspaces"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(WeightloomError, match="extra `workspaces`"):
        workspace_of(["demo"], "somebody/weightloom")
