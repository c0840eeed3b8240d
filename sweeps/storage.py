"""A sweep's trials: an Optuna study that several workers share and that outlives every one of them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from search_spaces import DamagedFile, RunFailed, WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.secrets import redacted
from sweeps.objectives import DIRECTIONS, NAMES
from sweeps.place import PATIENCE_SECONDS, Place

REASON = "reason"
RETRY_OF = "retry_of"
INTERRUPTED = "interrupted"
DEATHS = "deaths"
WORKER = "worker"
MIDWAY = "midway"
"""What was measured in the middle of a trial; the one that repeats it keeps it."""
SECONDS = "seconds"
TARGET = "trials"
ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
STARTUP_TRIALS = 10
"""Trials before the sampler learns from what it has seen; Optuna's default."""
MOST_DEATHS = 5
"""A trial whose worker died so often is taken for the cause and fails for good."""

T = TypeVar("T")
Dead = Callable[[str], bool | None]
"""Whether a worker is dead for certain, alive for certain (False), or unknown (None)."""


class StorageFailed(RunFailed):
    """The study cannot be written or reached any more: a full disk, or a server that is gone."""


class StudyStore:
    """The study of one run: what was tried, what came of it, and what is still queued.

    Any number of processes may work on it. What hands out or ends trials happens in one process at a time
    (`Place.exclusively`), so no trial is run twice and not one more is begun than was asked for.

    Attributes:
        study: the Optuna study.
    """

    def __init__(self, place: Place, name: str, seed: int, *, join: bool = False) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.place = place
        self.seed = seed
        try:
            self._storage = place.storage()
            if join:
                self.study = optuna.load_study(storage=self._storage, study_name=name)
            else:
                self.study = optuna.create_study(
                    storage=self._storage, study_name=name, directions=DIRECTIONS, load_if_exists=True
                )
        except KeyError as error:
            raise WeightloomError(
                f"{place.shown}: expected a study named {name!r}, got none; check the name"
            ) from error
        except Exception as error:
            reason = _reason(error)
            what = place.file or place.shown
            if "disk is full" in reason:
                raise StorageFailed(f"{what}: expected a disk with free space, got a full one; free it") from error
            if place.file and not os.access(place.file.parent, os.W_OK):
                raise StorageFailed(
                    f"{what}: expected a writable folder, got a read-only one; make it writable"
                ) from error
            remedy = "restore the file or choose another --name" if place.file else "check the address and the server"
            kind = DamagedFile if place.file else WeightloomError
            raise kind(f"{what}: expected the study of run {name!r}, got {reason}; {remedy}") from error
        if not join:
            self.note("objectives", list(NAMES))

    def close(self) -> None:
        """Let go of the study."""
        self.place.close(self._storage)

    def enqueue(self, parameters: Mapping[str, Any]) -> None:
        """Queue a trial unless it was queued before; only the process that leads the run does so."""
        self.persistently(lambda: self.study.enqueue_trial(dict(parameters), skip_if_exists=True))

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

    def running(self) -> list[FrozenTrial]:
        """Trials that a worker has taken and not yet ended, be it alive or not."""
        return [t for t in self.trials() if t.state == TrialState.RUNNING]

    def trials(self) -> list[FrozenTrial]:
        """All trials that were begun, in order."""
        return [t for t in self.persistently(self._all) if t.state != TrialState.WAITING]

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
                if self._reap(trials, lambda other: True if other == worker else dead(other)):
                    trials = self._all()
                taken = sum(has_ended(t) or t.state == TrialState.RUNNING for t in trials)
                if taken >= self.target:
                    return None
                if all(t.state != TrialState.WAITING for t in trials):
                    self.study.enqueue_trial({})
                    trials = self._all()
                waiting = next(t for t in trials if t.state == TrialState.WAITING)
                self._storage.set_trial_user_attr(waiting._trial_id, WORKER, worker)
                self._storage.record_heartbeat(waiting._trial_id)
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
        self._storage.record_heartbeat(trial._trial_id)

    def reap(self, dead: Dead) -> int:
        """Tell trials of dead workers that they failed, and queue their settings again.

        Returns:
            How many there were.
        """

        def once() -> int:
            with self._exclusively():
                return self._reap(self._all(), dead)

        return self.persistently(once)

    def release(self, trial: optuna.Trial) -> None:
        """Give back a trial that was stopped on purpose; somebody goes on with it."""

        def once() -> None:
            with self._exclusively():
                if (mine := self._mine(trial)) is not None:
                    self._requeue(mine, "interrupted: stopped on request; its settings were queued again", deaths=0)

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
        original, number = trial.user_attrs.get(RETRY_OF), trial.number
        while original is not None:
            if not isinstance(original, int) or not 0 <= original < number:  # so that it comes to an end
                raise DamagedFile(f"trial {number}: expected it to repeat an earlier one, got {original!r}")
            number = original
            original = self._all()[number].user_attrs.get(RETRY_OF)
        return number

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
                        f"got {_reason(error)}; "
                        "free the disk or start the server, and go on with --resume"
                    ) from error
                time.sleep(0.5)

    def _all(self) -> list[FrozenTrial]:
        with only_ours(self.place):
            return self.study.get_trials(deepcopy=False)

    def _exclusively(self) -> Any:
        return self.place.exclusively(self._storage, self.study.study_name)

    def _mine(self, trial: optuna.Trial) -> FrozenTrial | None:
        """The trial as it is stored, if it still runs."""
        stored = self._storage.get_trial(trial._trial_id)
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
                    return self._storage.get_trial(trial._trial_id).state == state
                if reason is not None:
                    self._storage.set_trial_user_attr(trial._trial_id, REASON, redacted(reason))
                for name in (excess or {}).keys() - trial.constraints.keys():  # may have been set before a retry
                    trial.set_constraint(name, (excess or {})[name])
                self.study.tell(trial.number, values, state)
            return True

        return self.persistently(once)

    def _reap(self, trials: Sequence[FrozenTrial], dead: Dead) -> int:
        """Needs `_exclusively`, and ``trials`` as they are then."""
        running = [t for t in trials if t.state == TrialState.RUNNING]
        silent = set(self._storage._get_stale_trial_ids(self.study._study_id)) if running else set()
        lost = 0
        for trial in running:
            worker = trial.user_attrs.get(WORKER)
            known = dead(worker) if worker is not None else True
            if known or (known is None and trial._trial_id in silent):
                lost += 1
                self._bury(trial)
        return lost

    def _bury(self, trial: FrozenTrial) -> None:
        deaths = int(trial.user_attrs.get(DEATHS, 0)) + 1
        if deaths >= MOST_DEATHS:
            reason = f"its worker died {deaths} times while it ran, so it is not tried again"
            self._storage.set_trial_user_attr(trial._trial_id, REASON, reason)
            self.study.tell(trial.number, state=TrialState.FAIL)
        else:
            reason = "interrupted: the process ended in the middle; its settings were queued again"
            self._requeue(trial, reason, deaths)

    def _requeue(self, trial: FrozenTrial, reason: str, deaths: int) -> None:
        """The new one first: if we die in between, the old one is still there to be found."""
        if all(t.user_attrs.get(RETRY_OF) != trial.number for t in self._all()):
            parameters = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            kept = {MIDWAY: trial.user_attrs[MIDWAY]} if MIDWAY in trial.user_attrs else {}
            self.study.enqueue_trial(parameters, user_attrs={RETRY_OF: trial.number, DEATHS: deaths, **kept})
        self._storage.set_trial_user_attr(trial._trial_id, INTERRUPTED, True)
        self._storage.set_trial_user_attr(trial._trial_id, REASON, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)


def _reason(error: BaseException) -> str:
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


def has_ended(trial: FrozenTrial) -> bool:
    """Whether it came to an end of its own, rather than was cut off to be run again."""
    return trial.state in ENDED and INTERRUPTED not in trial.user_attrs


@contextmanager
def opened(place: Place, name: str, seed: int, *, join: bool = False) -> Iterator[StudyStore]:
    """The study in ``place``, made if it is not there (unless one joins it), and closed in the end."""
    if place.file is not None:
        if not place.file.parent.is_dir():
            raise WeightloomError(f"{place.file}: expected to be in a folder that exists, got {place.file.parent}")
        if join and not place.file.exists():
            raise WeightloomError(f"{place.file}: expected the study of run {name!r}, got none; check the name")
    store = StudyStore(place, name, seed, join=join)
    try:
        yield store
    finally:
        store.close()


def make_way(place: Place, name: str, *, overwrite: bool) -> None:
    """See that a server has no study of this name before a new one is begun.

    Args:
        place: a server.
        name: of the run.
        overwrite: remove the study if there is one.

    Raises:
        WeightloomError: there is one, or the server does not answer.
    """
    try:
        storage = place.storage()
        try:
            if name not in optuna.get_all_study_names(storage):
                return
            if overwrite:
                optuna.delete_study(study_name=name, storage=storage)
                return
        finally:
            place.close(storage)
    except Exception as error:
        raise WeightloomError(
            f"{place.shown}: expected a server that answers, got {_reason(error)}; check the address and the server"
        ) from error
    raise WeightloomError(
        f"{place.shown}: expected no study named {name!r}, got one; continue it with --resume, replace it with "
        "--overwrite, or choose another --name"
    )
