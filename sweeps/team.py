"""Several workers on one machine: started as processes of their own, watched, and started again when they die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from optuna.trial import TrialState

from search_spaces import RunFailed
from search_spaces.secrets import redacted
from sweeps.lease import FOLDER, is_dead
from sweeps.objectives import OBJECTIVES, by_name, figures
from sweeps.place import VARIABLE
from sweeps.status import STATES, best_values
from sweeps.storage import REASON, StudyStore
from sweeps.watching import Watcher

POLL_SECONDS = 0.3
LEAVE_SECONDS = 60.0
"""How long workers have to end their step when the run is stopped, before they are killed."""
BARREN = 3
"""Workers that may die one after another without any trial having ended in between."""
ROOM = 2**20
"""Bytes; with less, a disk is what workers die of."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(kw_only=True)
class _Member:
    place: int
    process: subprocess.Popen[bytes]


@dataclass(kw_only=True)
class Team:
    """The workers of one run.

    Each is a process of its own group, so that Ctrl-C reaches only us, and holds the other end of a pipe: where
    that closes, because we stop or die, it ends its step, keeps its state, gives its trial back and leaves.

    Args:
        folder: of the run.
        store: its study.
        watcher: told about progress.
        command: starts a worker that follows its standard input.
        count: so many.
        threads: of each; None for an equal share of the cores.
    """

    folder: Path
    store: StudyStore
    watcher: Watcher
    command: Sequence[str]
    count: int
    threads: int | None = None
    _members: list[_Member] = field(default_factory=list)
    _told: set[int] = field(default_factory=set)
    _best: dict[str, float] = field(default_factory=dict)
    _barren: int = 0

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
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._send_away()
            raise
        if self._tell():
            ended()

    def _start(self, place: int) -> _Member:
        log = _log(self.folder, place)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            stream = log.open("ab")
        except OSError as error:
            raise RunFailed(
                f"{log}: expected a writable folder with free space, got {error.strerror}; mend it and go on with "
                "--resume"
            ) from error
        with stream:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env=environment(self.count, self.threads, self.store),
                start_new_session=True,
            )
        return _Member(place=place, process=process)

    def _look_after(self) -> None:
        for member in list(self._members):
            code = member.process.poll()
            if code is None:
                continue
            self._members.remove(member)
            _close(member)
            if code == 0:
                continue
            lost = self.store.reap(partial(is_dead, self.folder))
            tail = _last_line(self.folder, member)
            self._barren += 1
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
            self.watcher.say(f"worker {member.place + 1} ended with code {code} and is replaced{again}: {tail}")
            self._members.append(self._start(member.place))

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
        for member in self._members:
            _close(member)
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.default_int_handler) if in_main else None
        try:
            end = time.monotonic() + LEAVE_SECONDS
            for member in self._members:
                member.process.wait(timeout=max(0.1, end - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self.watcher.say("workers are killed; their trials are run again from their last checkpoints")
            for member in self._members:
                member.process.kill()
                member.process.wait()
        finally:
            if in_main:
                signal.signal(signal.SIGINT, before)


def environment(count: int, threads: int | None, store: StudyStore) -> dict[str, str]:
    """Of a worker: its share of the cores, set before torch is loaded, and the study's address with its password.

    Args:
        count: of workers.
        threads: a fixed number for each; None for an equal share of the cores this process may use.
        store: of the run.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(threads or max(1, cores // count))
    address = {} if store.place.file is not None else {VARIABLE: store.place.url}
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, share), **address}


def _close(member: _Member) -> None:
    assert member.process.stdin is not None
    member.process.stdin.close()


def _log(folder: Path, place: int) -> Path:
    return folder / FOLDER / f"{place + 1}.log"


def _last_line(folder: Path, member: _Member) -> str:
    text = _log(folder, member.place).read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    words = "".join(character for character in lines[-1] if character.isprintable()) if lines else ""
    return redacted(words[:300]) or "nothing"
