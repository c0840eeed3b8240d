"""The turns of a worker: a trial, then the next, until as many as were asked for have ended, here or elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna

from sweeps.deferring import Deferred, deferring
from sweeps.lease import beating, is_dead, leased
from sweeps.limits import MemoryExceeded
from sweeps.storage import StorageFailed, StudyStore

POLL_SECONDS = 0.5
"""How often a worker without a trial looks whether one of another worker has to be run again."""


def take_turns(
    run: Path,
    store: StudyStore,
    attempt: Callable[[optuna.Trial, Deferred], None],
    say: Callable[[str], None],
    ended: Callable[[], None] = lambda: None,
) -> None:
    """Run trials; one that is stopped by a signal or a full disk is given back, so that somebody goes on with it.

    Signals are answered between steps and between trials, never in the middle of writing to the study.

    Args:
        run: its folder.
        store: its study.
        attempt: runs one trial and records how it ended; delivers the signals after each of its steps.
        say: told what a person should know.
        ended: called after each trial.
    """
    with leased(run) as name, deferring(say) as signals:
        while True:
            signals.deliver()
            trial = store.claim(name, partial(is_dead, run))
            if trial is not None:
                _one(store, trial, attempt, signals)
                ended()
            elif len(store.ended()) >= store.target:
                return
            else:
                time.sleep(POLL_SECONDS)


def _one(
    store: StudyStore,
    trial: optuna.Trial,
    attempt: Callable[[optuna.Trial, Deferred], None],
    signals: Deferred,
) -> None:
    with beating(store, trial):
        try:
            attempt(trial, signals)
        except BaseException as error:
            if not isinstance(error, StorageFailed | MemoryExceeded):
                store.release(trial)
            raise
