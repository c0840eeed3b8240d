"""How a sweep stands, seen from outside: counts, the best so far, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search_spaces import WeightloomError
from sweeps.constraints import exceeded
from sweeps.lease import is_dead
from sweeps.objectives import NAMES, OBJECTIVES, by_name
from sweeps.opening import opened
from sweeps.place import place_of
from sweeps.repeating import Dead, has_ended
from sweeps.storage import StudyStore, only_ours

STATES = {"COMPLETE": "complete", "FAIL": "failed", "PRUNED": "pruned", "RUNNING": "running"}


def status_of(folder: Path, url: str | None = None) -> dict[str, Any]:
    """Counts, best values and seconds left of a run, which may be at work.

    Args:
        folder: of the run.
        url: of the server that keeps its study; None for the file in the folder.

    Returns:
        ``name``, ``storage``, ``trials`` (asked for), ``complete``, ``running``, ``failed``, ``pruned``,
        ``waiting`` (not yet begun, or to be begun again), ``interrupted`` (cut off, in none of the other counts),
        ``best`` (objective → value, trial, family), ``seconds`` and ``seconds_left`` (null if unknown).

    Raises:
        WeightloomError: there is no such run.
        DamagedFile: its study holds what no sweep writes.
    """
    if url is None and not folder.is_dir():
        raise WeightloomError(f"{folder}: expected the folder of a run, got none; see --runs-folder")
    with opened(place_of(folder, url), folder.name, 0, join=True) as store, only_ours(store.place):
        return {"name": folder.name, "storage": store.place.shown, **counted(store, partial(is_dead, folder))}


def counted(store: StudyStore, dead: Dead) -> dict[str, Any]:
    """The counts of `status_of`, if so much is known of workers: one that died is at work on nothing."""
    trials, target = store.trials(), store.target
    ended = [trial for trial in trials if has_ended(trial)]
    states = [STATES[trial.state.name] for trial in ended]
    lost = {trial.number for trial in store.lost(dead)}
    running = [trial for trial in trials if trial.state == TrialState.RUNNING and trial.number not in lost]
    waiting = max(0, target - len(ended) - len(running))
    best = best_values(ended)
    return {
        "trials": target,
        **{state: states.count(state) for state in ("complete", "failed", "pruned")},
        "running": len(running),
        "waiting": waiting,
        "interrupted": len(lost) + sum(trial.state == TrialState.FAIL and not has_ended(trial) for trial in trials),
        "best": {name: dict(zip(("value", "trial", "family"), best[name], strict=True)) for name in best},
        "seconds": store.seconds,
        "seconds_left": _left(ended, running, waiting),
    }


def best_values(trials: Sequence[FrozenTrial]) -> dict[str, tuple[float, int, str]]:
    """Per objective the best value, the trial that has it and its family, of those that keep the sweep's limits."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and not exceeded(trial)]
    found = {}
    for name in NAMES if complete else ():
        sign = 1 if OBJECTIVES[name] == "maximize" else -1
        best = max(complete, key=lambda trial: sign * by_name(trial.values)[name])
        found[name] = (by_name(best.values)[name], best.number, str(best.params.get("family", "unknown")))
    return found


def _left(ended: Sequence[FrozenTrial], running: Sequence[FrozenTrial], waiting: int) -> float | None:
    """A trial lasts as long as those that ended did on average; as many as run now run at once."""
    spent = [trial.duration.total_seconds() for trial in ended if trial.duration is not None]
    if not waiting and not running:
        return 0.0
    if not spent:
        return None
    mean, now = sum(spent) / len(spent), time.time()
    begun = [now - trial.datetime_start.timestamp() for trial in running if trial.datetime_start is not None]
    rest = sum(max(0.0, mean - seconds) for seconds in begun)
    return (waiting * mean + rest) / max(1, len(running))
