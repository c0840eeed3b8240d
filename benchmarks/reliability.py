"""What a sweep survives: ``python -m benchmarks.reliability``. Toy trials, real workers, claims and storages.

Writes ``benchmarks/results/reliability.json`` and ``docs/reliability.md``, one row a part; ``--parts`` repeats some.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from benchmarks.postgresql_server import Server, programs, server
from search_spaces.files import read_json, write_json, write_text
from sweeps.engines import ENGINES
from sweeps.lease import is_dead
from sweeps.opening import opened
from sweeps.place import VARIABLE, place_of
from sweeps.repeating import MOST_DEATHS, REASON
from sweeps.status import status_of

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
LIMIT_SECONDS = 600
Row = dict[str, Any]


def lead(
    run: Path, options: argparse.Namespace, url: str | None, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """A process that leads a toy sweep, on the engine that the run is named after if any is."""
    command = [sys.executable, "-m", "benchmarks.toy_sweep", "lead", str(run), "--trials", str(options.trials)]
    command += ["--workers", str(options.workers), "--seconds", str(options.seconds)]
    command += ["--engine", where] if (where := run.name.partition("-")[2]) in ENGINES else []
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    environment |= {} if url is None else {VARIABLE: url}
    environment |= {"RAY_worker_niceness": "0"}  # by default its workers stand behind all other work of the machine
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr, text=True)


def noted(run: Path, file: str) -> list[list[str]]:
    """Lines that trials wrote."""
    path = run / file
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def checked(run: Path, options: argparse.Namespace, url: str | None) -> Row:
    """What is wrong with a sweep that has come to its end."""
    found = status_of(run, url)
    with opened(place_of(run, url), run.name, 0, join=True) as store:  # in the books, be its worker dead or alive
        stuck = sum(trial.state == TrialState.RUNNING for trial in store.trials())
        reasons = [str(trial.user_attrs.get(REASON)) for trial in store.ended() if trial.state == TrialState.FAIL]
    given_up = sum(f"died {MOST_DEATHS} times" in reason for reason in reasons)
    roots = Counter(root for root, *_ in noted(run, "ended.log"))
    trials = {int(path.stem) for path in (run / "trials").glob("*.json")}
    for path in (run / "trials").glob("*.json"):
        read_json(path)
    told = {int(number) for _, number, _ in noted(run, "ended.log")}
    first: dict[str, str] = {}
    for root, _, x in noted(run, "began.log"):
        first.setdefault(root, x)
    return {
        "complete": found["complete"],
        "errors": found["failed"] - given_up,
        **({f"killed {MOST_DEATHS} times": given_up} if given_up else {}),
        "ended twice": sum(count - 1 for count in roots.values()),
        "same parameters": len(first) - len(set(first.values())),
        "finished and lost": len(told - trials) + max(0, len(told) - found["complete"]),
        "missing": max(0, options.trials - found["complete"] - given_up),
        "too many": max(0, found["complete"] - options.trials),
        "stuck": stuck,
    }


def throughput(run: Path, options: argparse.Namespace, url: str | None) -> Row:
    """Short trials on several workers, nobody killed."""
    leader = lead(run, options, url)
    stderr = leader.communicate(timeout=LIMIT_SECONDS)[1]
    busy = sum(float(seconds) for _, _, seconds in noted(run, "ended.log"))
    alive = sum(float(seconds) for (seconds,) in noted(run, "workers.log"))
    row = {**checked(run, options, url), "overhead ms a trial": round(1000 * (alive - busy) / options.trials, 1)}
    return row if leader.returncode == 0 else {**row, "leader": stderr.strip().splitlines()[-1]}


def kills(run: Path, options: argparse.Namespace, url: str | None) -> Row:
    """Kill -9 of a worker, of the leader or of all, again and again; a dead leader is started anew."""
    draw, killed, starts = random.Random(0), Counter[str](), 1
    started = partial(lead, run, options, url, subprocess.DEVNULL)  # jobs outlive it and would hold a pipe open
    leader = started()
    while sum(killed.values()) < options.kills:
        time.sleep(draw.uniform(0.1, 1.5))
        if leader.poll() is not None:
            if leader.returncode == 0:
                break
            leader, starts = started(), starts + 1
            continue
        names = [path.stem for path in (run / "workers").glob("*.lock")]
        pids = [int(name.split(".")[-2]) for name in names if is_dead(run, name) is False]
        if not pids:
            continue
        whom = draw.choices(["worker", "leader", "all"], [6, 2, 1])[0]
        victims = {"worker": [draw.choice(pids)], "leader": [leader.pid], "all": [leader.pid, *pids]}[whom]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        killed[whom] += 1
    while leader.wait(LIMIT_SECONDS) != 0:
        leader, starts = started(), starts + 1
    row = {"kills": sum(killed.values()), **{f"of {whom}": killed[whom] for whom in ("worker", "leader", "all")}}
    return {**row, "starts": starts, "interrupted": status_of(run, url)["interrupted"], **checked(run, options, url)}


def restarts(run: Path, options: argparse.Namespace, running: Server) -> Row:
    """PostgreSQL is stopped at once and started anew in the middle, several times."""
    leader, done = lead(run, options, running.url), 0
    marks = [options.trials * (i + 1) // (options.restarts + 1) for i in range(options.restarts)]
    for mark in marks:
        while leader.poll() is None and len(noted(run, "ended.log")) < mark:
            time.sleep(0.05)
        if leader.poll() is None:
            running.restart()
            done += 1
    stderr = leader.communicate(timeout=LIMIT_SECONDS)[1]
    row = {"restarts": done, **checked(run, options, running.url)}
    return row if leader.returncode == 0 else {**row, "leader": stderr.strip().splitlines()[-1]}


def full_disks(folder: Path, options: argparse.Namespace) -> Row:
    """Disks of growing size fill up in the middle; then there is room again and the sweep goes on."""
    row = Counter[str]()
    for point in range(options.disks):
        with disk(folder / f"disk-{point}", 300 + point * 100) as (mounted, grow):
            run = mounted / "run"
            leader = lead(run, options, None)
            stderr = leader.communicate(timeout=LIMIT_SECONDS)[1].strip().splitlines()
            row["points"] += 1
            row["was full"] += leader.returncode != 0
            row["without a clear line"] += leader.returncode != 0 and "Traceback" in "".join(stderr)
            row["corrupt files"] += corrupt(run)
            before = {number for _, number, _ in noted(run, "ended.log")}
            grow()
            leader = lead(run, options, None)
            leader.communicate(timeout=LIMIT_SECONDS)
            row["not gone on"] += leader.returncode != 0
            found = status_of(run)
            row["missing in the end"] += options.trials - found["complete"]
            row["finished and lost"] += len(before - {path.stem for path in (run / "trials").glob("*.json")})
    return dict(row)


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A small file system (needs root), and what makes it large."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], check=True)

    def grow() -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)

    try:
        yield folder, grow
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def corrupt(run: Path) -> int:
    """Files that are there and cannot be read."""
    bad = 0
    for path in (run / "trials").glob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            bad += 1
    study = run / "study.db"
    if study.exists() and study.stat().st_size:
        connection = sqlite3.connect(study)
        try:
            bad += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
        except sqlite3.OperationalError as error:  # no room to read the journal is no damage
            bad += "full" not in str(error) and "disk I/O" not in str(error)
        finally:
            connection.close()
    return bad


def measured(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Row]]:
    """Rows by name, one after another."""
    for part in options.parts:
        name, where = part.partition("-")[::2]
        if where == "postgresql" and programs() is None:
            yield part, {"not run": "no PostgreSQL here"}
        elif where == "postgresql":
            with server() as running:
                run = folder / part
                if name == "restarts":
                    yield part, restarts(run, options, running)
                else:
                    yield part, {"throughput": throughput, "kills": kills}[name](run, options, running.url)
        elif name == "full_disks" and os.geteuid() != 0:
            yield part, {"not run": "needs root, to mount small disks"}
        elif name == "full_disks":
            yield part, full_disks(folder, options)
        else:
            yield part, {"throughput": throughput, "kills": kills}[name](folder / part, options, None)


PARTS = (
    "throughput-sqlite",
    "throughput-postgresql",
    "kills-sqlite",
    "kills-postgresql",
    "restarts-postgresql",
    "full_disks-sqlite",
    "throughput-ray",
    "throughput-slurm",
    "kills-ray",
    "kills-slurm",
)
HEAD = """# What a sweep survives

Toy trials that only wait and write a file, under the workers, claims and storages of real sweeps
(`benchmarks/toy_sweep.py`), by `benchmarks/reliability.py`. *Ended twice*: results recorded again for one trial.
*Finished and lost*: trials whose worker was told that they are recorded, and which are not. *Stuck*: still running in
the books when all is over. *Overhead*: what a worker spends outside of trials, waiting for others included, a trial.
A trial of a worker that died is seen as failed at once on the same machine, after 60 s on another. *Kills* (-9) come
0.1 to 1.5 s apart and hit processes that live.
*Killed 5 times*: given up, as a trial of which five workers died is taken for the cause. *On ray*: workers on a Ray
cluster of this machine (with `RAY_worker_niceness=0`); *on slurm*: as jobs of submitit's local executor, which outlive
their leader; both keep their study in SQLite. These rows and those of kills were measured while other work filled the
two cores (load average 10 to 20): do not compare their overhead.

*Hostile files* (`benchmarks/hostile`, [security.md](security.md)) are planted by hand or drawn by hypothesis, with
checksums that fit, for every reader. *Read*: taken without harm. *Executed*: a payload ran, something was unpickled or
imported, a process, connection or file was opened to write. *Hung*: more than 10 s of processor time. *Swollen*:
memory grew by more than 64 MiB and 32 times the size of the files. *Unclear*: anything else than one line of at most
1,600 printable characters.

"""


def page(rows: dict[str, Row]) -> str:
    """The document of all rows measured so far."""
    text = HEAD + "| what | found | command |\n|---|---|---|\n"
    for part, row in rows.items():
        found = ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("command", "seconds"))
        text += f"| {part.replace('-', ' on ').replace('_', ' ')} | {found} | `{row['command']}` |\n"
    return text


def add_row(part: str, row: Row, command: str, seconds: float) -> None:
    """Write a measured row into the results and the document, in place of the last one of its name."""
    rows: dict[str, Row] = read_json(RESULT) if RESULT.exists() else {}
    rows[part] = {**row, "seconds": round(seconds, 1), "command": command}
    print(part, rows[part], flush=True)
    write_json(RESULT, rows)
    write_text(PAGE, page(rows))


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write both files after each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one trial")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--disks", type=int, default=20)
    options = parser.parse_args(arguments)
    said = " ".join(sys.argv[1:] if arguments is None else arguments)
    folder = Path(tempfile.mkdtemp(prefix="weightloom-reliability-"))
    try:
        began = time.perf_counter()
        for part, row in measured(options, folder):
            add_row(part, row, f"python -m benchmarks.reliability {said}".strip(), time.perf_counter() - began)
            began = time.perf_counter()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
