"""Several workers of one run: started by an engine, watched, and started again when they die."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from optuna.trial import TrialState

from search_spaces import RunFailed
from search_spaces.secrets import redacted
from sweeps.engines import AGAIN, Engine, Member, Order
from sweeps.engines.engine import last_line
from sweeps.lease import FOLDER, is_dead
from sweeps.objectives import OBJECTIVES, by_name, figures
from sweeps.place import VARIABLE
from sweeps.repeating import REASON
from sweeps.status import STATES, best_values
from sweeps.storage import StudyStore
from sweeps.watching import Watcher

POLL_SECONDS = 0.3
LEAVE_SECONDS = 60.0
"""How long workers have to end their step when the run is stopped, before they are killed."""
SIGN_SECONDS = 20.0
"""How often it is told how far each worker is."""
BARREN = 3
"""Workers that may die one after another without any trial having ended in between."""
ROOM = 2**20
"""Bytes; with less, a disk is what workers die of."""


def sign_of(line: str) -> str | None:
    """How far a worker is, from the last line of its log; None where that line says nothing of it.

    The number of the trial is left out: workers count those that have ended, so that two may say the same.
    """
    numbered, _, rest = line.partition(": ")
    return redacted(rest) if numbered.startswith("trial ") and " of " in rest else None


@dataclass(kw_only=True)
class _Placed:
    place: int
    member: Member
    log: Path
    told: str | None = None


@dataclass(kw_only=True)
class Team:
    """The workers of one run.

    Args:
        folder: of the run.
        store: its study.
        watcher: told about progress.
        engine: starts workers.
        arguments: of the Python interpreter; start a worker that follows its standard input.
        count: so many.
    """

    folder: Path
    store: StudyStore
    watcher: Watcher
    engine: Engine
    arguments: Sequence[str]
    count: int
    _members: list[_Placed] = field(default_factory=list)
    _told: set[int] = field(default_factory=set)
    _best: dict[str, float] = field(default_factory=dict)
    _barren: int = 0
    _signed: float = 0.0

    def run(self, ended: Callable[[], None]) -> None:
        """Return when all trials have ended and all workers have left.

        Args:
            ended: called after each trial that ended.

        Raises:
            RunFailed: workers die without any trial ending.
        """
        self._told = {trial.number for trial in self.store.ended()}
        try:
            for place in range(min(self.count, max(1, self.store.target - len(self._told)))):
                self._members.append(self._start(place))
            while self._members:
                if self._tell():
                    ended()
                self._look_after()
                self._tell_signs()
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._send_away()
            raise
        if self._tell():
            ended()

    def _start(self, place: int) -> _Placed:
        address = {} if self.store.place.file is not None else {VARIABLE: self.store.place.url}
        log = self.folder.resolve() / FOLDER / f"{place + 1}.log"
        before = sign_of(last_line(log))  # what another one said that had this place
        order = Order(arguments=self.arguments, environment=address, log=log)
        return _Placed(place=place, member=self.engine.start(order), log=log, told=before)

    def _tell_signs(self) -> None:
        """Say now and then how far each worker is, as its log has it where that is on this machine."""
        if time.monotonic() - self._signed < SIGN_SECONDS:
            return
        self._signed = time.monotonic()
        for placed in self._members:
            sign = sign_of(last_line(placed.log))
            if sign is not None and sign != placed.told:
                placed.told = sign
                self.watcher.say(f"worker {placed.place + 1}: {sign}")

    def _look_after(self) -> None:
        for placed in list(self._members):
            code = placed.member.code()
            if code is None:
                continue
            self._members.remove(placed)
            if code == 0:
                continue
            lost = self.store.reap(partial(is_dead, self.folder))
            tail = redacted(placed.member.last_line()) or "nothing"
            if len(self.store.ended()) >= self.store.target:
                self.watcher.say(f"worker {placed.place + 1} ended with code {code}: {tail}")
                continue
            self._barren += code != AGAIN
            if self._barren >= BARREN:
                if shutil.disk_usage(self.folder).free < ROOM:
                    raise RunFailed(
                        f"{self.folder}: expected a disk with free space, got a full one; free it and go on with "
                        "--resume"
                    )
                raise RunFailed(
                    f"workers: {BARREN} ended one after another and no trial did; the last one said: {tail}; "
                    "mend it and go on with --resume"
                )
            again = "; its trial is run again" if lost else ""
            self.watcher.say(f"worker {placed.place + 1} ended with code {code} and is replaced{again}: {tail}")
            self._members.append(self._start(placed.place))

    def _tell(self) -> bool:
        """Say what has ended since."""
        trials = self.store.ended()
        new = [trial for trial in trials if trial.number not in self._told]
        for trial in new:
            self._told.add(trial.number)
            self._barren = 0
            label = f"trial {trial.number} ({STATES[trial.state.name]}): {trial.params.get('family', 'unknown')}"
            if trial.state == TrialState.COMPLETE:
                self.watcher.say(f"{label}, {figures(by_name(trial.values))} (validation)")
            else:
                self.watcher.say(f"{label}: {trial.user_attrs.get(REASON)}")
        best = {name: value for name, (value, _, _) in best_values(trials).items()}
        if new and best != self._best:
            self._best = best
            self.watcher.say(f"best so far: {figures({name: best[name] for name in OBJECTIVES if name in best})}")
        self.watcher.progress("trials", len(self._told), self.store.target)
        return bool(new)

    def _send_away(self) -> None:
        """Ask all workers to leave after their step; a second Ctrl-C kills them."""
        if not self._members:
            return
        self.watcher.say("stopping: workers end their step and save; Ctrl-C again stops now")
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.default_int_handler) if in_main else None
        try:
            for placed in self._members:
                placed.member.leave()
            end = time.monotonic() + LEAVE_SECONDS
            while any(placed.member.code() is None for placed in self._members):
                if time.monotonic() > end:
                    raise TimeoutError
                time.sleep(POLL_SECONDS)
        except (TimeoutError, KeyboardInterrupt):
            self.watcher.say("workers are killed; their trials are run again from their last checkpoints")
            for placed in self._members:
                placed.member.kill()
        finally:
            if in_main:
                signal.signal(signal.SIGINT, before)
