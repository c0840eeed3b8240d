"""The other engines: a local Ray cluster, and SLURM by submitit's local executor."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from test_team import ENVIRONMENT, lines, until, workers_of

from search_spaces import WeightloomError
from sweeps.engines import TeamPlan
from sweeps.status import status_of
from weightloom.__main__ import main

ENGINES = ("ray", "slurm")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if importlib.util.find_spec({"ray": "ray", "slurm": "submitit"}[name]) is None:
        assert "WEIGHTLOOM_NEEDS_RAY" not in os.environ, "CI installs it"
        pytest.skip(f"pip install 'weightloom[{name}]'")
    return name


def lead(run: Path, engine: str, trials: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.toy_sweep", "lead", str(run), "--trials", str(trials)]
    command += ["--workers", "2", "--seconds", str(seconds), "--engine", engine]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def test_a_killed_worker_is_replaced_and_every_trial_ends_once(engine: str, tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, engine, trials=8, seconds=0.6)
    until("both work", lambda: len(lines(run, "began.log")) >= 2, 200)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    stderr = leader.communicate(timeout=250)[1]
    assert leader.returncode == 0, stderr
    assert "ended with code" in stderr
    done = Counter(root for root, *_ in lines(run, "ended.log"))
    assert len(done) == 8
    assert set(done.values()) == {1}
    found = status_of(run)
    assert (found["complete"], found["interrupted"], found["running"], found["failed"]) == (8, 1, 0, 0)


def test_workers_end_their_step_when_the_leader_is_stopped(engine: str, tmp_path: Path) -> None:
    run = tmp_path / "toy"
    leader = lead(run, engine, trials=4, seconds=100)
    until("both work", lambda: len(lines(run, "began.log")) >= 2, 200)
    leader.send_signal(signal.SIGTERM)
    stderr = leader.communicate(timeout=100)[1]
    assert leader.returncode == 128 + signal.SIGTERM, stderr
    assert not workers_of(run), "they left by themselves"
    found = status_of(run)
    assert (found["complete"], found["running"], found["interrupted"]) == (0, 0, 2)


def checked(plan: TeamPlan) -> None:
    plan.check()
    plan.check_study(None)


def test_options_belong_to_their_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for plan, words in (
        (TeamPlan(workers=2, arguments=(), address="there:6379"), "--address: expected --engine ray"),
        (TeamPlan(workers=2, arguments=(), engine="ray", slurm={"time": 3}), "--slurm: expected --engine slurm"),
        (TeamPlan(workers=2, arguments=(), gpus=1), "--gpus: expected --engine ray or slurm"),
        (TeamPlan(workers=2, arguments=(), engine="ray", address="there:6379"), "expected --storage postgresql"),
        (TeamPlan(workers=2, arguments=(), engine="slurm"), "expected --storage postgresql"),
    ):
        with pytest.raises(WeightloomError, match=words):
            checked(plan)
    arguments = ["sweep", "quick", "--runs-folder", str(tmp_path), "--engine", "slurm", "--slurm", "cluster=local"]
    for given, words in (("time=soon", "time: expected minutes"), ("no_such_thing=1", "no_such_thing")):
        pytest.importorskip("submitit")
        assert main([*arguments, given]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "quick" / "config.yaml").exists()


def test_a_job_that_cannot_begin_says_why(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    from sweeps.engines import Order
    from sweeps.engines.slurm import LOST, Slurm

    folder = tmp_path / "slurm"
    engine = Slurm(folder, options={"cluster": "local"}, cpus=1, gpus=0, threads=1)
    secret = {"WEIGHTLOOM_STORAGE": "postgresql://me:planted-Secret-1@host/db"}
    (tmp_path / "log").mkdir()  # so that the host cannot write there
    member = engine.start(Order(arguments=["-c", "pass"], environment=secret, log=tmp_path / "log"))
    until("it is given up", lambda: member.code() is not None)
    assert member.code() == LOST
    assert "Is a directory" in member.last_line()
    assert "WEIGHTLOOM_STORAGE" not in os.environ
    code = "import os, sys; sys.exit(str(len(os.environ['WEIGHTLOOM_STORAGE'])))"
    member = engine.start(Order(arguments=["-c", code], environment=secret, log=tmp_path / "other"))
    until("it ends", lambda: member.code() is not None)
    assert (member.code(), member.last_line()) == (1, str(len(secret["WEIGHTLOOM_STORAGE"])))
    assert all(b"planted-Secret-1" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
