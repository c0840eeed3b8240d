"""Trials that were cut off: how they are known, told from those that ended, and queued again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces import DamagedFile

REASON = "reason"
RETRY_OF = "retry_of"
INTERRUPTED = "interrupted"
DEATHS = "deaths"
WORKER = "worker"
MIDWAY = "midway"
"""What was measured in the middle of a trial; the one that repeats it keeps it."""
ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
MOST_DEATHS = 5
"""A trial whose worker died so often is taken for the cause and fails for good."""

Dead = Callable[[str], bool | None]
"""Whether a worker is dead for certain, alive for certain (False), or unknown (None)."""


def has_ended(trial: FrozenTrial) -> bool:
    """Whether it came to an end of its own, rather than was cut off to be run again."""
    return trial.state in ENDED and INTERRUPTED not in trial.user_attrs


def root_of(trial: FrozenTrial | optuna.Trial, trials: Callable[[], Sequence[FrozenTrial]]) -> int:
    """The number of the trial that this one repeats, or its own.

    Args:
        trial: any.
        trials: all of its study, by number.

    Raises:
        DamagedFile: it says that it repeats one that is not before it.
    """
    original, number = trial.user_attrs.get(RETRY_OF), trial.number
    while original is not None:
        if not isinstance(original, int) or not 0 <= original < number:  # so that it comes to an end
            raise DamagedFile(f"trial {number}: expected it to repeat an earlier one, got {original!r}")
        number = original
        original = trials()[number].user_attrs.get(RETRY_OF)
    return number


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Ends what was cut off and queues it again; to be used by one process at a time (`Place.exclusively`).

    Attributes:
        study: of the run.
        storage: that keeps it.
        trials: all of the study, as they are now.
    """

    study: optuna.Study
    storage: RDBStorage
    trials: Callable[[], Sequence[FrozenTrial]]

    def lost(self, trials: Sequence[FrozenTrial], dead: Dead) -> list[FrozenTrial]:
        """What dead workers were at.

        Args:
            trials: all, as they are now.
            dead: what is known of workers; one of whom nothing is known is dead if it has been silent.
        """
        running = [t for t in trials if t.state == TrialState.RUNNING]
        silent = set(self.storage._get_stale_trial_ids(self.study._study_id)) if running else set()

        def is_lost(trial: FrozenTrial) -> bool:
            worker = trial.user_attrs.get(WORKER)
            known = dead(worker) if isinstance(worker, str) else True
            return trial._trial_id in silent if known is None else known

        return [trial for trial in running if is_lost(trial)]

    def bury(self, trials: Sequence[FrozenTrial], dead: Dead) -> int:
        """Queue again what dead workers were at; returns how many there were; arguments as of `lost`."""
        lost = self.lost(trials, dead)
        for trial in lost:
            self._bury(trial)
        return len(lost)

    def queue(self, trial: FrozenTrial, reason: str, deaths: int) -> None:
        """End one that runs and queue its settings.

        The new one first: if we die in between, the old one is still there to be found.
        """
        if all(t.user_attrs.get(RETRY_OF) != trial.number for t in self.trials()):
            parameters = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            kept = {MIDWAY: trial.user_attrs[MIDWAY]} if MIDWAY in trial.user_attrs else {}
            self.study.enqueue_trial(parameters, user_attrs={RETRY_OF: trial.number, DEATHS: deaths, **kept})
        self.storage.set_trial_user_attr(trial._trial_id, INTERRUPTED, True)
        self.storage.set_trial_user_attr(trial._trial_id, REASON, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _bury(self, trial: FrozenTrial) -> None:
        deaths = int(trial.user_attrs.get(DEATHS, 0)) + 1
        if deaths >= MOST_DEATHS:
            reason = f"its worker died {deaths} times while it ran, so it is not tried again"
            self.storage.set_trial_user_attr(trial._trial_id, REASON, reason)
            self.study.tell(trial.number, state=TrialState.FAIL)
        else:
            self.queue(trial, "interrupted: the process ended in the middle; its settings were queued again", deaths)
