"""A run's folder: what lies where, who may write it, and whether it may be continued."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from search_spaces import DamagedFile, WeightloomError
from search_spaces.files import write_json, write_text
from sweeps.config import SweepConfig, resolve_as
from sweeps.lease import FOLDER as WORKERS
from sweeps.place import FILE, STORAGE, Place, place_of
from workbench.records import read_record
from workbench.summary import GeneratorSummary
from workbench.tasks import load_task
from workbench.zoo import Kind

CONFIG = "config.yaml"
OWN = (
    CONFIG, f"{FILE}*", "summary.json", "report.html", "*.log", "trials", "generators", "exports", "wandb",
    "checkpoints", WORKERS, STORAGE, "cells", "table.csv", *get_args(Kind)
)  # fmt: skip
"""What a sweep or a bench writes into its folder, but for the ledger, which is never taken away."""
CHANGEABLE = ("trials", "tracker", "wandb_online", "exports", "threads", "limits", "checkpoint_seconds")
"""Keys that may differ when a run is continued: no figure of a finished trial depends on them."""


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: ``RUNS/NAME``.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / CONFIG

    @property
    def study(self) -> Path:
        """The Optuna study, where it is kept in a file."""
        return self.path / FILE

    @property
    def storage(self) -> Path:
        """Says which server keeps the study, without the password; missing where it is kept in a file."""
        return self.path / STORAGE

    def place(self, url: str | None) -> Place:
        """Where the study is kept.

        Args:
            url: of a server; None for the file in this folder.

        Raises:
            WeightloomError: the run keeps its study somewhere else.
        """
        return place_of(self.path, url)

    def checkpoint(self, root: int) -> Path:
        """The state of one trial's training, by the number of the trial that it repeats or its own."""
        return self.path / "checkpoints" / f"{root:03d}"

    def trial(self, number: int) -> Path:
        """The figures of one finished trial."""
        return self.path / "trials" / f"{number:03d}.json"

    def trial_log(self, number: int) -> Path:
        """The traceback of one failed trial."""
        return self.path / "trials" / f"{number:03d}.log"

    def generator(self, number: int) -> Path:
        """The generator of one finished trial."""
        return self.path / "generators" / f"trial-{number:03d}"

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (
            self.config.exists()
            or self.study.exists()
            or self.storage.exists()
            or (self.path / "summary.json").exists()
        )

    def save_config(self, config: SweepConfig) -> None:
        """Write the configuration."""
        write_text(self.config, config.to_yaml())

    def save_trial(self, number: int, summary: GeneratorSummary) -> None:
        """Write the figures of a trial."""
        write_json(self.trial(number), summary.model_dump())

    def read_trial(self, number: int) -> GeneratorSummary:
        """Read the figures of a trial.

        Raises:
            WeightloomError: there is no file.
            DamagedFile: it was truncated or altered.
        """
        return read_record(self.trial(number), GeneratorSummary, remedy="restore the file or make the run again")

    def clear(self) -> None:
        """Remove everything that a sweep writes; files of other names stay."""
        for name in OWN:
            for path in self.path.glob(name):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def check_new(self) -> None:
        """Refuse to write over a run.

        Raises:
            WeightloomError: a run was begun here.
        """
        if self.exists:
            raise WeightloomError(
                f"run {self.path.name!r}: expected a new name, got one that exists in {self.path}; "
                "continue it with --resume, replace it with --overwrite, or choose another --name"
            )

    def check_same(self, config: SweepConfig) -> None:
        """Refuse to continue a run under another configuration.

        Raises:
            WeightloomError: naming the first key that differs and both values.
        """
        if not self.config.exists():
            raise DamagedFile(f"{self.config}: missing, so the run cannot be continued; choose another --name")
        stored, asked = resolve_as(type(config), str(self.config), {}).model_dump(), config.model_dump()
        for key, was, now in differences(stored, asked):
            if key.split(".")[0] not in CHANGEABLE:
                raise WeightloomError(
                    f"run {self.path.name!r}: expected key {key!r} to be {was!r} as in {self.config}, "
                    f"got {now!r}; continue with the same settings, or choose another --name"
                )


def run_of(generator: Path) -> Path | None:
    """The run in whose folder a saved generator lies, or None."""
    folder = generator.resolve()
    run = folder.parent.parent
    return run if folder.parent.name == "generators" and (run / CONFIG).is_file() else None


@contextlib.contextmanager
def begun(folder: RunFolder, config: SweepConfig, *, resume: bool, overwrite: bool) -> Iterator[RunFolder]:
    """The folder of a run, new or to be continued, and held; its configuration is saved by the caller when all is open.

    Raises:
        WeightloomError: the run exists and is not to be continued, was made with other settings, is worked on by
            another process, or its data is missing.
    """
    if resume and overwrite:
        raise WeightloomError("expected --resume or --overwrite, got both; choose one")
    if resume and folder.exists:
        folder.check_same(config)
    elif not overwrite:
        folder.check_new()
    load_task(config.task, config.data)  # missing data should be said before a folder is made
    with locked(folder):
        if overwrite:
            folder.clear()
        yield folder


def differences(first: Any, second: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted keys in which two nested values differ, with both values."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in dict.fromkeys((*first, *second)):
            yield from differences(first.get(name), second.get(name), f"{key}.{name}" if key else name)
    elif isinstance(first, tuple | list) and isinstance(second, tuple | list) and len(first) == len(second):
        for place, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from differences(a, b, f"{key}.{place}")
    elif first != second:
        yield key, first, second


@contextlib.contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the run; the system lets go of it when the process ends, however it ends.

    Raises:
        WeightloomError: another process works on it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        stream = (folder.path / ".lock").open("w")
    except OSError as error:
        raise WeightloomError(
            f"run {folder.path.name!r}: expected a writable folder {folder.path}, got {error.strerror}; "
            "choose another --runs-folder"
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WeightloomError(
                f"run {folder.path.name!r}: expected to have it for ourselves, but another process is working "
                "on it; wait for it, or choose another --name"
            ) from None
        yield
