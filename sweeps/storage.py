"""Where a sweep's trials are kept: an Optuna study in one SQLite file, which outlives a killed process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces import DamagedFile, WeightloomError
from sweeps.objectives import DIRECTIONS, NAMES

FILE = "study.db"
REASON = "reason"
RETRY_OF = "retry_of"
INTERRUPTED = "interrupted"
SECONDS = "seconds"
ENDED = (TrialState.COMPLETE, TrialState.FAIL)
STARTUP_TRIALS = 10
"""Trials before the sampler learns from what it has seen; Optuna's default."""


class StudyStore:
    """The study of one run: what was tried, what came of it, and what is still queued.

    One process may work on it at a time, see `sweeps.folder.locked`.

    Attributes:
        study: the Optuna study.
    """

    def __init__(self, path: Path, name: str, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = path
        self.seed = seed
        try:
            with sqlite3.connect(path) as connection:  # before the first trial: readers never block the writer
                connection.execute("PRAGMA journal_mode=WAL")
            connection.close()
            self._storage = RDBStorage(f"sqlite:///{path.resolve()}")
            self.study = optuna.create_study(
                storage=self._storage, study_name=name, directions=DIRECTIONS, load_if_exists=True
            )
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DamagedFile(
                f"{path}: expected the study of run {name!r}, got {reason}; restore the file or choose another --name"
            ) from error
        self.study.set_user_attr("objectives", list(NAMES))

    def close(self) -> None:
        """Fold the journal into the file and let go of it."""
        self._storage.remove_session()
        self._storage.engine.dispose()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def enqueue(self, parameters: Mapping[str, Any]) -> None:
        """Queue a trial unless it was queued before."""
        self.study.enqueue_trial(dict(parameters), skip_if_exists=True)

    def ended(self) -> list[FrozenTrial]:
        """Trials that came to an end of their own, finished or failed."""
        return [t for t in self.trials() if t.state in ENDED and INTERRUPTED not in t.user_attrs]

    def complete(self) -> list[FrozenTrial]:
        """Trials with figures."""
        return [t for t in self.trials() if t.state == TrialState.COMPLETE]

    def trials(self) -> list[FrozenTrial]:
        """All trials that were begun, in order."""
        return [t for t in self.study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]

    def requeue_interrupted(self) -> int:
        """Tell trials that a dead process left running that they failed, and queue their settings again.

        Returns:
            How many there were.
        """
        running = [t for t in self.trials() if t.state == TrialState.RUNNING]
        queued = {t.user_attrs.get(RETRY_OF) for t in self.study.get_trials(deepcopy=False)}
        for trial in running:
            parameters = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            if parameters and trial.number not in queued:
                self.study.enqueue_trial(parameters, user_attrs={RETRY_OF: trial.number})
            trial_id = self._id(trial.number)
            self._storage.set_trial_user_attr(trial_id, INTERRUPTED, True)
            reason = "interrupted: the process ended in the middle; its settings were queued again"
            self._storage.set_trial_user_attr(trial_id, REASON, reason)
            self.study.tell(trial.number, state=TrialState.FAIL)
        return len(running)

    def ask(self) -> optuna.Trial:
        """The next trial; what is suggested depends on the seed, its number and the trials before it."""
        number = len(self.study.get_trials(deepcopy=False))
        self.study.sampler = optuna.samplers.TPESampler(
            seed=(self.seed * 1_000_003 + number) % 2**31, n_startup_trials=STARTUP_TRIALS
        )
        return self.study.ask()

    def finish(self, trial: optuna.Trial, objectives: Mapping[str, float]) -> None:
        """Record the figures of a trial; from here on it is never run again."""
        self.study.tell(trial, [objectives[name] for name in NAMES])

    def fail(self, trial: optuna.Trial, reason: str) -> None:
        """Record why a trial failed."""
        trial.set_user_attr(REASON, reason)
        self.study.tell(trial, state=TrialState.FAIL)

    def root(self, trial: FrozenTrial | optuna.Trial) -> int:
        """The number of the trial that this one repeats, or its own: what its seed is made from."""
        original = trial.user_attrs.get(RETRY_OF)
        if original is None:
            return trial.number
        return self.root(self.study.get_trials(deepcopy=False)[original])

    @property
    def seconds(self) -> float:
        """Wall time spent on the run so far, over all its processes."""
        return float(self.study.user_attrs.get(SECONDS, 0.0))

    def add_seconds(self, seconds: float) -> None:
        """Add to ``seconds``."""
        self.study.set_user_attr(SECONDS, self.seconds + seconds)

    def _id(self, number: int) -> int:
        study_id = self._storage.get_study_id_from_name(self.study.study_name)
        return self._storage.get_trial_id_from_study_id_trial_number(study_id, number)


@contextmanager
def opened(path: Path, name: str, seed: int) -> Iterator[StudyStore]:
    """The study in ``path``, made if it is not there, and closed in the end."""
    if not path.parent.is_dir():
        raise WeightloomError(f"{path}: expected to be in a folder that exists, got {path.parent}")
    store = StudyStore(path, name, seed)
    try:
        yield store
    finally:
        store.close()
