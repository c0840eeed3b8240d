"""Real worker processes with toy trials: kills, signals, counts."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from search_spaces import RunFailed
from sweeps.engines import Order, TeamPlan
from sweeps.engines.process import Processes
from sweeps.lease import is_dead, leased
from sweeps.opening import opened
from sweeps.place import VARIABLE, place_of
from sweeps.status import status_of
from sweeps.team import BARREN, Team, sign_of
from sweeps.watching import Silent

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != VARIABLE} | {"OMP_NUM_THREADS": "1"}


def lead(run: Path, trials: int, workers: int, seconds: float = 0.02) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.toy_sweep", "lead", str(run), "--trials", str(trials)]
    command += ["--workers", str(workers), "--seconds", str(seconds)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def lines(run: Path, file: str) -> list[list[str]]:
    return [line.split() for line in (run / file).read_text().splitlines()] if (run / file).exists() else []


def until(what: str, condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def workers_of(run: Path) -> list[int]:
    return [int(path.name.split(".")[-3]) for path in (run / "workers").glob("*.lock")]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_how_far_a_worker_is_is_read_off_its_log() -> None:
    line = "trial 1 of 4: mlp both, task phase: 24 of 800, about 7 s left"
    assert sign_of(line) == "mlp both, task phase: 24 of 800, about 7 s left"
    ended = "trial 1 of 4: mlp both: fidelity 0.985, collapse 0.831, active parameters 3,320 (validation)"
    assert [sign_of(one) for one in (ended, "", "zoo: steps of training networks: 250 of 5,400")] == [None] * 3
    assert sign_of("trial 2 of 4: mlp, task phase: 1 of 2, postgresql://me:planted@host/x").count("planted") == 0


class _Member:
    """A worker that writes a line, and ends when it is asked for its code so often."""

    def __init__(self, log: Path) -> None:
        self.log, self.asked = log, 0

    def code(self) -> int | None:
        self.asked += 1
        if self.asked == 2:
            self.log.write_text("trial 1 of 4: mlp both, task phase: 24 of 800\n")
        return None if self.asked < 4 else 0

    def last_line(self) -> str:
        return ""

    def leave(self) -> None: ...

    def kill(self) -> None: ...


class _Engine:
    calls = None

    def start(self, order: Order) -> _Member:
        return _Member(order.log)


def test_it_is_told_once_how_far_a_worker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.team.SIGN_SECONDS", 0.0)
    monkeypatch.setattr("sweeps.team.POLL_SECONDS", 0.01)
    log = tmp_path / "workers" / "1.log"
    log.parent.mkdir()
    log.write_text("trial 3 of 4: diffusion, task phase: 9 of 10\n")  # of a worker before a crash
    said: list[str] = []

    class Heard:
        def progress(self, stage: str, done: int, total: int) -> None: ...

        def say(self, line: str) -> None:
            said.append(line)

    with opened(place_of(tmp_path, None), "toy", 0) as store:
        Team(folder=tmp_path, store=store, watcher=Heard(), engine=_Engine(), arguments=(), count=1).run(lambda: None)
    assert said == ["worker 1: mlp both, task phase: 24 of 800"]


def test_every_trial_is_run_once_and_no_more_are(tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, trials=30, workers=3)
    stderr = leader.communicate(timeout=100)[1]
    assert leader.returncode == 0, stderr
    began, ended = lines(run, "began.log"), lines(run, "ended.log")
    assert len(began) == len(ended) == 30
    assert len({root for root, *_ in began}) == 30
    assert len({x for _, _, x in began}) == 30, "no two try the same"
    assert len({line[1] for line in ended}) == 30
    found = status_of(run)
    assert (found["complete"], found["running"], found["waiting"], found["failed"]) == (30, 0, 0, 0)
    assert found["best"]["fidelity"]["value"] == pytest.approx(max(float(x) for _, _, x in began))


def test_a_killed_worker_is_replaced_and_its_trial_run_again(tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, trials=8, workers=2, seconds=1.5)  # long enough to be met within one on a busy machine
    until("both work", lambda: len(lines(run, "began.log")) >= 2)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    stderr = leader.communicate(timeout=100)[1]
    assert leader.returncode == 0, stderr
    assert "worker 1 ended with code -9" in stderr or "worker 2 ended with code -9" in stderr
    done = Counter(root for root, *_ in lines(run, "ended.log"))
    assert len(done) == 8
    assert set(done.values()) == {1}
    found = status_of(run)
    assert (found["complete"], found["interrupted"], found["running"]) == (8, 1, 0)


def test_workers_of_a_dead_leader_give_their_trials_back_and_end(tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, trials=6, workers=2, seconds=30)
    until("both work", lambda: len(lines(run, "began.log")) >= 2)
    pids = workers_of(run)
    leader.kill()
    leader.communicate()
    until("workers end", lambda: not any(alive(pid) for pid in pids), 20)
    found = status_of(run)
    assert (found["complete"], found["running"], found["interrupted"]) == (0, 0, 2)
    again = lead(run, trials=6, workers=2)
    again.communicate(timeout=100)
    assert again.returncode == 0
    assert status_of(run)["complete"] == 6
    began = lines(run, "began.log")
    first = {root: x for root, _, x in began[:2]}
    assert {root: x for root, _, x in began[2:] if root in first} == first, "the same settings again"


def test_ctrl_c_ends_the_step_and_a_second_one_kills(tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, trials=4, workers=2, seconds=30)
    until("both work", lambda: len(lines(run, "began.log")) >= 2)
    leader.send_signal(signal.SIGINT)
    leader.communicate(timeout=30)
    assert leader.returncode != 0
    assert not workers_of(run), "they left by themselves"
    assert status_of(run)["interrupted"] == 2


def test_a_second_ctrl_c_kills_workers_that_do_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.team.LEAVE_SECONDS", 1e6)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # our command line leaves one of its own
    code = (
        f"import os, pathlib, time; (pathlib.Path({str(tmp_path)!r}) / f'{{os.getpid()}}.pid').touch(); time.sleep(1e6)"
    )
    said: list[str] = []

    class Impatient(Silent):
        def progress(self, stage: str, done: int, total: int) -> None:
            if len(list(tmp_path.glob("*.pid"))) == 2:
                os.kill(os.getpid(), signal.SIGINT)

        def say(self, line: str) -> None:
            said.append(line)
            if line.startswith("stopping"):
                threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()

    with opened(place_of(tmp_path, None), tmp_path.name, 0) as store:
        store.target = 2
        engine = Processes(threads=1)
        team = Team(folder=tmp_path, store=store, watcher=Impatient(), engine=engine, arguments=["-c", code], count=2)
        try:
            with pytest.raises(KeyboardInterrupt):
                team.run(lambda: None)
        finally:
            signal.signal(signal.SIGINT, before)
    assert [line.split(":")[0].split(";")[0] for line in said] == ["stopping", "workers are killed"]
    assert not any(alive(int(path.stem)) for path in tmp_path.glob("*.pid"))


def test_a_worker_that_sleeps_is_not_dead_and_a_killed_one_is(tmp_path: Path) -> None:
    code = (
        f"import time, pathlib\nfrom sweeps.lease import leased\nwith leased(pathlib.Path({str(tmp_path)!r})) as n:\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code + " print(n, flush=True)\n time.sleep(60)"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    process.send_signal(signal.SIGSTOP)
    assert is_dead(tmp_path, name) is False
    process.kill()
    process.communicate()
    assert is_dead(tmp_path, name) is True
    assert is_dead(tmp_path, "elsewhere.1.abc") is None
    with leased(tmp_path) as own:
        assert is_dead(tmp_path, own) is False


def test_a_run_whose_workers_were_killed_does_not_look_as_if_it_ran(tmp_path: Path) -> None:
    with opened(place_of(tmp_path, None), tmp_path.name, 0) as store, leased(tmp_path) as name:
        store.target = 3
        assert store.claim(name, lambda other: None) is not None
        found = status_of(tmp_path)
        assert (found["running"], found["waiting"], found["interrupted"]) == (1, 2, 0)
    (tmp_path / "workers" / f"{name}.lock").touch()  # as a kill leaves it
    found = status_of(tmp_path)
    assert (found["running"], found["waiting"], found["interrupted"]) == (0, 3, 1)


def test_workers_that_cannot_start_are_not_started_for_ever(tmp_path: Path) -> None:
    code = "import sys; sys.exit('no such library at postgresql://me:hidden@host/x')"
    with opened(place_of(tmp_path, None), tmp_path.name, 0) as store:
        store.target = 5
        team = Team(
            folder=tmp_path,
            store=store,
            watcher=Silent(),
            engine=Processes(threads=1),
            arguments=["-c", code],
            count=2,
        )
        with pytest.raises(RunFailed, match=f"{BARREN} ended one after another") as failed:
            team.run(lambda: None)
        assert "no such library at postgresql://me:***@host" in str(failed.value)
        assert not store.trials()


def test_cores_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for workers, threads, expected in ((4, None, 2), (16, None, 1), (4, 3, 3)):
        with TeamPlan(workers=workers, arguments=()).opened(tmp_path, threads) as engine:
            assert engine == Processes(threads=expected)
    code = "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] + os.environ['MKL_NUM_THREADS'])"
    order = Order(arguments=["-c", code], environment={}, log=tmp_path / "log")
    member = Processes(threads=3).start(order)
    until("it ends", lambda: member.code() is not None)
    assert member.last_line() == "33"
