"""A sweep's trials: an Optuna study that several workers share and that outlives every one of them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from search_spaces import DamagedFile, RunFailed
from search_spaces.errors import in_one_line
from search_spaces.secrets import redacted
from sweeps.objectives import NAMES
from sweeps.place import PATIENCE_SECONDS, Place
from sweeps.repeating import REASON, RETRY_OF, WORKER, Dead, Repeats, has_ended, root_of

SECONDS = "seconds"
TARGET = "trials"
STARTUP_TRIALS = 10
"""Trials before the sampler learns from what it has seen; Optuna's default."""

T = TypeVar("T")


class StorageFailed(RunFailed):
    """The study cannot be written or reached any more: a full disk, or a server that is gone."""


@dataclass(kw_only=True, eq=False)
class StudyStore:
    """The study of one run: what was tried, what came of it, and what is still queued; see `sweeps.opening`.

    Any number of processes may work on it. What hands out or ends trials happens in one process at a time
    (`Place.exclusively`), so no trial is run twice and not one more is begun than was asked for.

    Attributes:
        place: where it is kept.
        storage: what reads and writes it there.
        study: the Optuna study.
        seed: of what is suggested.
    """

    place: Place
    storage: RDBStorage
    study: optuna.Study
    seed: int

    def enqueue(self, parameters: Mapping[str, Any]) -> None:
        """Queue a trial unless it was queued before; only the process that leads the run does so.

        One that was queued by a version that searched fewer settings is the same if it agrees in those.
        """

        def same(trial: FrozenTrial) -> bool:
            queued = trial.system_attrs.get("fixed_params")
            if not isinstance(queued, dict) or not queued or RETRY_OF in trial.user_attrs:
                return False
            return queued.items() <= parameters.items()

        def once() -> None:
            if not any(same(trial) for trial in self._all()):
                self.study.enqueue_trial(dict(parameters))

        self.persistently(once)

    @property
    def target(self) -> int:
        """How many trials are to end."""
        return int(self.noted(TARGET) or 0)

    @target.setter
    def target(self, trials: int) -> None:
        self.note(TARGET, trials)

    def note(self, key: str, value: Any) -> None:
        """Remember something for all workers."""
        self.persistently(lambda: self.study.set_user_attr(key, value))

    def noted(self, key: str) -> Any:
        """What was remembered, or None."""
        return self.persistently(lambda: self.study.user_attrs).get(key)

    def ended(self) -> list[FrozenTrial]:
        """Trials that came to an end of their own: finished, failed or pruned."""
        return [t for t in self.trials() if has_ended(t)]

    def complete(self) -> list[FrozenTrial]:
        """Trials with figures."""
        return [t for t in self.trials() if t.state == TrialState.COMPLETE]

    def trials(self) -> list[FrozenTrial]:
        """All trials that were begun, in order."""
        return [t for t in self.persistently(self._all) if t.state != TrialState.WAITING]

    def lost(self, dead: Dead) -> list[FrozenTrial]:
        """Trials that the books have running and whose workers are dead."""
        return self.persistently(lambda: self._repeats.lost(self._all(), dead))

    def claim(self, worker: str, dead: Dead) -> optuna.Trial | None:
        """Take the next trial, or None where as many as were asked for have ended or are being run.

        What is suggested depends on the seed, on the number of the trial (or of the one it repeats) and on
        the trials before it. First, trials of dead workers are queued again.

        Args:
            worker: who takes it; must be at work on no other trial.
            dead: what is known of other workers.
        """

        def take() -> optuna.Trial | None:
            with self._exclusively():
                trials = self._all()
                if self._repeats.bury(trials, lambda other: True if other == worker else dead(other)):
                    trials = self._all()
                taken = sum(has_ended(t) or t.state == TrialState.RUNNING for t in trials)
                if taken >= self.target:
                    return None
                if all(t.state != TrialState.WAITING for t in trials):
                    self.study.enqueue_trial({})
                    trials = self._all()
                waiting = next(t for t in trials if t.state == TrialState.WAITING)
                self.storage.set_trial_user_attr(waiting._trial_id, WORKER, worker)
                self.storage.record_heartbeat(waiting._trial_id)
                number = self.root(waiting)
                self.study.sampler = optuna.samplers.TPESampler(
                    seed=(self.seed * 1_000_003 + number) % 2**31, n_startup_trials=STARTUP_TRIALS
                )
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore"
                    )  # that heartbeats belong to `optimize`; ours come from `sweeps.lease`
                    trial = self.study.ask()
                assert trial.number == waiting.number, "the first that waits is taken, and nobody else takes any"
                return trial

        return self.persistently(take)

    def beat(self, trial: optuna.Trial) -> None:
        """Say that a trial is being worked on."""
        self.storage.record_heartbeat(trial._trial_id)

    def reap(self, dead: Dead) -> int:
        """Tell trials of dead workers that they failed, and queue their settings again.

        Returns:
            How many there were.
        """

        def once() -> int:
            with self._exclusively():
                return self._repeats.bury(self._all(), dead)

        return self.persistently(once)

    def release(self, trial: optuna.Trial) -> None:
        """Give back a trial that was stopped on purpose; somebody goes on with it."""

        def once() -> None:
            with self._exclusively():
                if (mine := self._mine(trial)) is not None:
                    self._repeats.queue(
                        mine, "interrupted: stopped on request; its settings were queued again", deaths=0
                    )

        self.persistently(once)

    def finish(
        self, trial: optuna.Trial, objectives: Mapping[str, float], excess: Mapping[str, float] | None = None
    ) -> bool:
        """Record the figures of a trial; from here on it is never run again.

        Args:
            trial: claimed by us.
            objectives: its figures.
            excess: for each limit by what share it is exceeded, see `sweeps.constraints`.

        Returns:
            False if it was taken from us meanwhile, because we had been silent for too long.
        """
        return self._end(trial, TrialState.COMPLETE, None, [objectives[name] for name in NAMES], excess)

    def fail(self, trial: optuna.Trial, reason: str) -> bool:
        """Record why a trial failed; False as in `finish`."""
        return self._end(trial, TrialState.FAIL, reason)

    def prune(self, trial: optuna.Trial, reason: str) -> bool:
        """Record why a trial was given up; False as in `finish`."""
        return self._end(trial, TrialState.PRUNED, reason)

    def root(self, trial: FrozenTrial | optuna.Trial) -> int:
        """The number of the trial that this one repeats, or its own: what its seed is made from."""
        return root_of(trial, self._all)

    @property
    def seconds(self) -> float:
        """Wall time spent on the run so far, over all its processes."""
        return float(self.noted(SECONDS) or 0.0)

    def add_seconds(self, seconds: float) -> None:
        """Add to ``seconds``."""
        self.note(SECONDS, self.seconds + seconds)

    def persistently(self, action: Callable[[], T]) -> T:
        """Do something that may be done twice; where a server is being started anew, again until it answers.

        Raises:
            StorageFailed: the server stayed away, or the file cannot be written.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return action()
            except (StorageInternalError, SQLAlchemyError) as error:
                if self.place.file is not None or time.monotonic() > end:
                    raise StorageFailed(
                        f"{self.place.file or self.place.shown}: expected to read and write the study, "
                        f"got {cause_of(error)}; "
                        "free the disk or start the server, and go on with --resume"
                    ) from error
                time.sleep(0.5)

    @property
    def _repeats(self) -> Repeats:
        return Repeats(study=self.study, storage=self.storage, trials=self._all)

    def _all(self) -> list[FrozenTrial]:
        with only_ours(self.place):
            return self.study.get_trials(deepcopy=False)

    def _exclusively(self) -> Any:
        return self.place.exclusively(self.storage, self.study.study_name)

    def _mine(self, trial: optuna.Trial) -> FrozenTrial | None:
        """The trial as it is stored, if it still runs."""
        stored = self.storage.get_trial(trial._trial_id)
        return stored if stored.state == TrialState.RUNNING else None

    def _end(
        self,
        trial: optuna.Trial,
        state: TrialState,
        reason: str | None,
        values: list[float] | None = None,
        excess: Mapping[str, float] | None = None,
    ) -> bool:
        def once() -> bool:
            with self._exclusively():
                if self._mine(trial) is None:
                    return self.storage.get_trial(trial._trial_id).state == state
                if reason is not None:
                    self.storage.set_trial_user_attr(trial._trial_id, REASON, redacted(reason))
                for name in (excess or {}).keys() - trial.constraints.keys():  # may have been set before a retry
                    trial.set_constraint(name, (excess or {})[name])
                self.study.tell(trial.number, values, state)
            return True

        return self.persistently(once)


def cause_of(error: BaseException) -> str:
    """What the database said, below what Optuna and SQLAlchemy made of it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return in_one_line(error, 200) or type(error).__name__


@contextmanager
def only_ours(place: Place) -> Iterator[None]:
    """Say ``DamagedFile`` of a study in which something stands that no sweep writes."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise DamagedFile(
            f"{place.file or place.shown}: expected the trials of a sweep, got what none writes "
            f"({type(error).__name__}: {in_one_line(error)}); restore it or choose another --name"
        ) from error
