"""Trials as runs in Weights & Biases (https://docs.wandb.ai); ``wandb sync`` sends offline ones later."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

from search_spaces import RunFailed, WeightloomError
from search_spaces.errors import in_one_line
from workbench.search_summary import SearchSummary
from workbench.summary import GeneratorSummary, Summary
from workbench.tracking.account import has_account
from workbench.tracking.comparison import Shown, shown_of
from workbench.tracking.figures import COLUMNS, flat_figures, plots, table_rows
from workbench.tracking.searching import shown_of_search
from workbench.tracking.tracker import TrackedRun, Tracker

PROJECT = "weightloom"
COMPARISON, SEARCH = "comparison", "search"
"""Job types of the one run that shows a whole sweep, and of one that shows a comparison of search methods."""
FOLDERS = {
    "WANDB_DIR": "",
    "WANDB_DATA_DIR": "data",
    "WANDB_CACHE_DIR": "cache",
    "WANDB_CONFIG_DIR": "config",
    "WANDB_ARTIFACT_DIR": "artifacts",
}
"""Environment variables that keep W&B inside the run's folder, and where below ``wandb/`` each points."""
QUIET = {"WANDB_SILENT": "true", "WANDB_CONSOLE": "off", "WANDB_ERROR_REPORTING": "false"}


@final
class WandbTracker(Tracker):
    """One W&B run a trial: group = sweep, job type = family.

    Args:
        folder: of the run; everything is written below ``FOLDER/wandb``.
        group: the sweep's name.
        online: send to the server.

    Raises:
        WeightloomError: the folder cannot be written, or there is no account to send to.
    """

    def __init__(self, folder: str | Path, group: str, *, online: bool = False) -> None:
        self.folder = Path(folder).resolve()
        self.group = group
        self.online = online
        self._open: _WandbRun | None = None
        if online and not has_account():
            raise WeightloomError(
                "tracking: expected a W&B account to send runs to, got no key; run `wandb login`, set WANDB_API_KEY or "
                "leave --wandb-online out and send them later with `wandb sync`"
            )
        try:
            for below in FOLDERS.values():
                (self.folder / "wandb" / below).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WeightloomError(
                f"tracking: expected a writable folder, got {self.folder} ({error.strerror}); choose another "
                "or track with 'none'"
            ) from error
        if not os.access(self.folder / "wandb", os.W_OK):  # W&B would silently write somewhere else
            raise WeightloomError(
                f"tracking: {self.folder / 'wandb'} is not writable; choose another or track with 'none'"
            )

    @contextlib.contextmanager
    def trial(
        self, name: str, family: str, config: Mapping[str, Any], tags: Sequence[str] = ()
    ) -> Iterator[TrackedRun]:
        """A W&B run called ``name``."""
        if self._open is not None:
            raise WeightloomError(f"tracking: finish the open trial before {name!r} is started")
        with _environment(self.folder / "wandb"):
            run = _WandbRun(self._start(name, family, config, tags))
            self._open = run
            try:
                yield run
            except BaseException as error:
                run.stopped_by(error)
                raise
            finally:
                self._open = None
                run.finish()

    def failed(self, reason: str) -> None:
        """Mark the open trial as failed; without one, a run of job type ``failed`` says why."""
        if self._open is not None:
            self._open.stopped("failed", reason)
            return
        with self.trial("failed", "failed", {}) as run:
            run.stopped("failed", reason)

    def comparison(self, summary: Summary, folder: Path) -> None:
        """A W&B run of job type ``comparison``.

        Generators are its inputs and exported networks its outputs, which is their lineage; offline W&B knows no
        inputs, so that generators are outputs too, and each network names its generator in its metadata.
        """
        self._whole(COMPARISON, shown_of(summary, folder), [summary.task, summary.space])

    def searched(self, summary: SearchSummary) -> None:
        """A W&B run of job type ``search``."""
        self._whole(SEARCH, shown_of_search(summary), [summary.space, *summary.methods])

    def _whole(self, job: str, shown: Shown, tags: Sequence[str]) -> None:
        with self.trial(f"{self.group}-{job}", job, shown.config, tags) as run:
            assert isinstance(run, _WandbRun)
            run.compared(shown, use=self.online)

    def _start(self, name: str, family: str, config: Mapping[str, Any], tags: Sequence[str]) -> Any:
        import wandb

        try:
            return wandb.init(
                project=PROJECT,
                group=self.group,
                job_type=family,
                name=name,
                id=secrets.token_hex(6),
                config=dict(config),
                tags=[tag[:64] for tag in dict.fromkeys(tags) if tag],
                dir=str(self.folder),
                mode="online" if self.online else "offline",
                reinit="create_new",
                settings=wandb.Settings(
                    silent=True,
                    console="off",
                    disable_git=True,
                    disable_code=True,
                    save_code=False,
                    x_disable_meta=True,
                    x_disable_machine_info=True,
                    x_disable_stats=True,
                    x_save_requirements=False,
                ),
            )
        except Exception as error:  # W&B raises errors of its own and of its transport
            reason = in_one_line(error)
            raise RunFailed(
                f"tracking: W&B could not start the run {name!r} ({type(error).__name__}: {reason}); "
                "track offline, or see that `wandb login` and the network work"
            ) from error


@final
class _WandbRun(TrackedRun):
    def __init__(self, run: Any) -> None:
        self.run = run
        self.state = "complete"
        self.reason: str | None = None
        self.phases: set[str] = set()

    def curve(self, points: Sequence[tuple[str, int, float]]) -> None:
        for phase, step, loss in points:
            if phase not in self.phases:
                self.phases.add(phase)
                self.run.define_metric(f"{phase}/step")
                self.run.define_metric(f"{phase}/loss", step_metric=f"{phase}/step")
            self.run.log({f"{phase}/step": step, f"{phase}/loss": loss})

    def summary(self, summary: GeneratorSummary) -> None:
        import plotly.graph_objects
        import wandb

        shown: dict[str, Any] = {
            f"plots/{name}": wandb.Plotly(plotly.graph_objects.Figure(figure))
            for name, figure in plots(summary).items()
        }
        if summary.architectures:
            table = wandb.Table(columns=list(COLUMNS), data=table_rows(summary), allow_mixed_types=True)
            shown["architectures"] = table
        if shown:
            self.run.log(shown)
        self.run.summary.update(flat_figures(summary))

    def compared(self, shown: Shown, *, use: bool) -> None:
        import plotly.graph_objects
        import wandb

        logged: dict[str, Any] = {
            f"charts/{name}": wandb.Plotly(plotly.graph_objects.Figure(figure)) for name, figure in shown.charts.items()
        }
        for name, table in shown.tables.items():
            if table.rows:
                columns = list(table.columns)
                logged[f"tables/{name}"] = wandb.Table(columns=columns, data=table.rows, allow_mixed_types=True)
        self.run.log(logged)
        self.run.summary.update(dict(shown.figures))
        for kept in shown.kept:
            artifact = wandb.Artifact(_artifact_name(kept.name), type=kept.kind, metadata=dict(kept.facts))
            for name, path in kept.paths.items():
                if path.is_dir():
                    artifact.add_dir(str(path), name=name or None)
                else:
                    artifact.add_file(str(path), name=name)
            if use and kept.kind == "generator":
                self.run.use_artifact(artifact)
            else:
                self.run.log_artifact(artifact)

    def stopped(self, state: Literal["failed", "pruned"], reason: str) -> None:
        self.state, self.reason = state, reason

    def stopped_by(self, error: BaseException) -> None:
        if self.state == "complete":
            self.stopped("failed", f"{type(error).__name__}: {in_one_line(error)}")

    def finish(self) -> None:
        try:
            self.run.summary.update({"state": self.state, "reason": self.reason})
        finally:
            self.run.finish(exit_code=1 if self.state == "failed" else 0)


def _artifact_name(name: str) -> str:
    """W&B allows letters, digits, dashes, underscores and dots, at most 128 of them."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:128]


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """W&B's folders inside ``folder`` and its console quiet; afterwards its variables are as before.

    That includes ``WANDB_SERVICE``, by which W&B would tie processes started later to this one's service.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("WANDB_")}
    os.environ.update({name: str(folder / below) for name, below in FOLDERS.items()} | QUIET)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            del os.environ[name]
        os.environ.update(before)
