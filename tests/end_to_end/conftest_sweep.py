"""One small real sweep through the real command line, killed in the middle and resumed; shared by all tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.summary import Summary

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}  # tiny networks gain nothing from a second thread
COMMAND = (sys.executable, "-m", "weightloom")


@dataclass(frozen=True)
class Sweep:
    """What became of it."""

    runs: Path
    folder: Path
    before: dict[str, bytes]
    stderr: str
    result: dict[str, Any]
    summary: Summary


def stop_at(start: str, number: int, *arguments: str) -> tuple[int, str]:
    """Run a command, send it a signal when a line of stderr starts so; exit code and stderr."""
    process = subprocess.Popen(
        (*COMMAND, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith(start):
            process.send_signal(number)
            break
    rest = process.communicate(timeout=120)[1]
    return process.returncode, "".join(lines) + rest


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """The quick preset: killed while the second trial trains, then resumed to its end."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ("sweep", "quick", "--runs-folder", str(runs))
    code, stderr = stop_at("trial 2 of 3: transformer task, task phase", signal.SIGKILL, *arguments)
    assert code == -signal.SIGKILL, stderr
    folder = runs / "quick"
    before = {str(p.relative_to(folder)): p.read_bytes() for p in _finished(folder)}
    done = subprocess.run(
        (*COMMAND, *arguments, "--resume", "--json"),
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return Sweep(
        runs=runs,
        folder=folder,
        before=before,
        stderr=done.stderr,
        result=json.loads(done.stdout),
        summary=Summary.read(folder),
    )


def _finished(folder: Path) -> Iterator[Path]:
    for name in ("trials", "generators"):
        yield from (path for path in (folder / name).rglob("*") if path.is_file())
