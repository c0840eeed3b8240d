"""A saved W&B workspace that compares runs: which runs, in which order, and the panels worth seeing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from search_spaces import RunFailed, WeightloomError
from search_spaces.errors import in_one_line
from workbench.tracking.account import has_account

GROUP, JOB = "Group", "JobType"
FIRST = ("fidelity/mean", "collapse/mean", "max_iou/mean", "active_parameters/mean", "verdict")
"""Columns of the table of runs that are pinned."""


def save_workspace(groups: Sequence[str], target: str) -> str:
    """Save a workspace that compares the trials of some sweeps, and return its address.

    Args:
        groups: names of the sweeps, which must have been synced (`wandb sync`).
        target: ``ENTITY/PROJECT``.

    Raises:
        WeightloomError: the target is no such pair, wandb-workspaces is not installed, or there is no account.
        RunFailed: the server refuses it, or cannot be reached.
    """
    workspace = workspace_of(groups, target)
    if not has_account():
        raise WeightloomError(
            f"compare --wandb: expected a W&B account to save the workspace {target} in, got no key; run "
            "`wandb login`, or set WANDB_API_KEY; without one, report.html of each run shows the same"
        )
    try:
        return str(workspace.save().url)
    except Exception as error:  # W&B raises errors of its own and of its transport
        reason = in_one_line(error)
        raise RunFailed(
            f"compare --wandb: W&B did not save the workspace {target} ({type(error).__name__}: {reason}); see that "
            "`wandb login`, the entity and the network are right, and that the runs were sent with `wandb sync`"
        ) from error


def workspace_of(groups: Sequence[str], target: str) -> Any:
    """The workspace, not saved: a `wandb_workspaces.workspaces.Workspace`; asks no network.

    Raises:
        WeightloomError: the target is no ``ENTITY/PROJECT``, or wandb-workspaces is not installed.
    """
    entity, _, project = target.partition("/")
    if not entity or not project or "/" in project:
        raise WeightloomError(f"compare --wandb: expected ENTITY/PROJECT, got {target!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of its own old style
            import wandb_workspaces.reports.v2 as wr
            import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise WeightloomError(
            "compare --wandb: expected the package wandb-workspaces, got none; install weightloom with its extra "
            "`workspaces`"
        ) from error
    charts = ("plane/all_generators", "pareto", "architectures")
    sections = [
        ws.Section(
            name="Good, new, diverse?",
            is_open=True,
            panels=[
                wr.ScatterPlot(
                    title="Fidelity against overlap with training networks",
                    x=wr.SummaryMetric("max_iou/mean"),
                    y=wr.SummaryMetric("fidelity/mean"),
                ),
                wr.ScatterPlot(
                    title="Fidelity against collapse",
                    x=wr.SummaryMetric("collapse/mean"),
                    y=wr.SummaryMetric("fidelity/mean"),
                ),
                wr.BarPlot(title="Fidelity", metrics=["fidelity/mean"], orientation="h"),
                wr.BarPlot(title="Rank tau-b", metrics=["rank_tau/mean"], orientation="h"),
            ],
        ),
        ws.Section(
            name="Whole runs",
            is_open=True,
            panels=[wr.MediaBrowser(title=name, media_keys=[f"charts/{name}"]) for name in charts],
        ),
        ws.Section(
            name="Each trial",
            panels=[
                wr.MediaBrowser(title=title, media_keys=[f"plots/{name}"])
                for title, name in (
                    ("Rank scatter with tau-b", "architectures"),
                    ("Regret", "regret"),
                    ("Sparsity", "sparsity"),
                    ("Overlap of errors", "overlap"),
                )
            ],
        ),
        ws.Section(
            name="What was tried, and what it cost",
            panels=[
                wr.ParallelCoordinatesPlot(
                    columns=[
                        wr.ParallelCoordinatesPlotColumn(metric=metric)
                        for metric in (
                            wr.Config("learning_rate"),
                            wr.Config("steps"),
                            wr.SummaryMetric("collapse/mean"),
                            wr.SummaryMetric("fidelity/mean"),
                        )
                    ]
                ),
                wr.BarPlot(title="Milliseconds a network", metrics=["latency_ms/mean"], orientation="h"),
                wr.BarPlot(title="Seconds of training", metrics=["train_seconds/mean"], orientation="h"),
                *(wr.LinePlot(title=f"Loss, {p} phase", x=f"{p}/step", y=[f"{p}/loss"]) for p in ("zoo", "task")),
            ],
        ),
    ]
    runs = ws.RunsetSettings(
        filters=ws.And(ws.Metric(GROUP).isin(list(groups))),
        groupby=[ws.Metric(GROUP), ws.Metric(JOB)],
        order=[ws.Ordering(ws.Summary("fidelity/mean"), ascending=False)],
        pinned_columns=[f"summary:{name}" for name in FIRST],
    )
    name = f"weightloom: {', '.join(groups)}"[:120]
    return ws.Workspace(entity=entity, project=project, name=name, sections=sections, runset_settings=runs)
