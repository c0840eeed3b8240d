"""Sweeps on a real PostgreSQL server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from benchmarks.postgresql_server import PASSWORD, Server, programs, server
from search_spaces import WeightloomError
from sweeps.opening import make_way, opened
from sweeps.place import VARIABLE, Place, place_of
from sweeps.status import status_of
from weightloom.__main__ import main


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    if programs() is None:
        assert "WEIGHTLOOM_NEEDS_POSTGRESQL" not in os.environ, "CI installs PostgreSQL"
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    pytest.importorskip("psycopg")
    with server() as found:
        yield found


def texts(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_a_restart_in_the_middle_loses_nothing(postgresql: Server, tmp_path: Path) -> None:
    run = tmp_path / "restarted"
    command = [sys.executable, "-m", "benchmarks.toy_sweep", "lead", str(run), "--trials", "30", "--workers", "2"]
    environment = {**os.environ, VARIABLE: postgresql.url, "OMP_NUM_THREADS": "1"}
    leader = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    ended = run / "ended.log"
    for count in (4, 12):
        end = time.monotonic() + 60
        while not (ended.exists() and len(ended.read_text().splitlines()) >= count):
            assert time.monotonic() < end
            time.sleep(0.05)
        postgresql.restart()
    stderr = leader.communicate(timeout=120)[1]
    assert leader.returncode == 0, stderr
    found = status_of(run, postgresql.url)
    assert (found["complete"], found["running"], found["waiting"], found["failed"]) == (30, 0, 0, 0)
    roots = [line.split()[0] for line in ended.read_text().splitlines()]
    assert len(roots) == len(set(roots)) == 30
    assert PASSWORD not in stderr + str(found) + texts(tmp_path)
    storage = optuna.storages.RDBStorage(Place.server(postgresql.url).url)
    assert len(optuna.load_study(study_name="restarted", storage=storage).trials) >= 30
    storage.engine.dispose()


def test_a_name_is_taken_once(postgresql: Server, tmp_path: Path) -> None:
    place = place_of(tmp_path, postgresql.url)
    with opened(place, "taken", 0):
        pass
    with pytest.raises(WeightloomError, match="--resume") as refused:
        make_way(place, "taken", overwrite=False)
    assert PASSWORD not in str(refused.value)
    make_way(place, "taken", overwrite=True)
    make_way(place, "taken", overwrite=False)


def test_a_server_that_refuses_is_told_without_the_password(
    postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = postgresql.url.replace(PASSWORD, "other-Secret-8")
    assert main(["sweep", "--status", "x", "--runs-folder", str(tmp_path), "--storage", wrong]) == 2
    out, err = capsys.readouterr()
    assert "authentication failed" in err
    assert "other-Secret-8" not in out + err
    assert "Traceback" not in err


def test_other_addresses_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for url in ("mysql://me:hidden-9@host/db", "no url with hidden-9"):
        with pytest.raises(WeightloomError, match="expected postgresql://") as refused:
            Place.server(url)
        assert "me:hidden-9" not in str(refused.value)


def test_a_run_stays_where_it_was_begun(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    (tmp_path / "storage.txt").write_text("postgresql://me:***@host/db\n")
    assert place_of(tmp_path, "postgresql://me:secret@host/db").file is None
    for url in (None, "postgresql://me:secret@other/db"):
        with pytest.raises(WeightloomError, match="give the same --storage as then"):
            place_of(tmp_path, url)
