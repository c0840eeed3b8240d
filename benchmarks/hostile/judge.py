"""The other process that reads hostile files, its deadline, and what is counted."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUSY, SILENT = 10.0, 300.0
"""Seconds of processor time, or of wall time with less than that, after which a reader is taken for hung."""
SPARE, TIMES = 64 * 2**20, 32
"""Bytes that any reader may take, and how many times the size of what it reads."""


@dataclass(kw_only=True)
class Judge:
    """Counts what became of hostile files.

    Attributes:
        folder: for samples and cases.
        marker: a payload that runs writes it.
        counts: of cases: ``tried``, ``read``, ``refused``, ``executed``, ``hung``, ``died``, ``unclear``, ``swollen``.
        findings: every case that went wrong, in words.
    """

    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    _child: subprocess.Popen[str] | None = None
    _starts: int = 0

    @property
    def marker(self) -> Path:
        """Of the payloads."""
        return self.folder / "marker"

    def sound(self) -> dict[str, dict[str, bytes]]:
        """Sound files by reader and path."""
        samples = self._samples()
        return {
            home.name: {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file()}
            for home in sorted(samples.iterdir())
        }

    def try_(self, reader: str, what: str, files: Mapping[str, bytes]) -> str:
        """Let one case be read and count it; returns its outcome."""
        home = self.folder / "case"
        shutil.rmtree(home, ignore_errors=True)
        for path, data in files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(data)
        answer = self._ask({"reader": reader, "folder": str(home)})
        outcome, message = str(answer["outcome"]), str(answer.get("message", ""))
        allowed = SPARE + TIMES * sum(map(len, files.values()))
        wrong = [outcome] if outcome in ("unclear", "hung", "died") else []
        if self.marker.exists() or answer.get("events"):
            self.marker.unlink(missing_ok=True)
            wrong.append("executed")
            message += f" {answer.get('events')}"
        if answer.get("grown", 0) > allowed:
            wrong.append("swollen")
            message += f" by {answer['grown'] / 2**20:.0f} MiB"
        self.counts.update(["tried", *([outcome] if outcome in ("read", "refused") else []), *wrong])
        if wrong:
            self.findings.append(f"{reader}: {what}: {', '.join(wrong)}: {message[:300]}")
        return wrong[0] if wrong else outcome

    def close(self) -> None:
        """End the other process."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _samples(self) -> Path:
        if self._child is None:
            self._starts += 1
            samples = self.folder / f"samples-{self._starts}"
            self._child = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.hostile.child", str(samples)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            if not self._answer(600.0):
                raise RuntimeError("hostile: the reading process did not start; run benchmarks.hostile.child by itself")
        return self.folder / f"samples-{self._starts}"

    def _ask(self, case: dict[str, str]) -> dict[str, Any]:
        self._samples()
        assert self._child is not None
        assert self._child.stdin is not None
        print(json.dumps(case), file=self._child.stdin, flush=True)
        answer = self._answer(BUSY)
        if answer is None:
            hung = self._child.poll() is None
            self.close()
            return {"outcome": "hung" if hung else "died"}
        return answer

    def _answer(self, busy: float) -> dict[str, Any] | None:
        """The next line; None where there is none after so many seconds of processor time, or none will come."""
        assert self._child is not None
        assert self._child.stdout is not None
        start, end = _spent(self._child.pid), time.monotonic() + max(busy, SILENT)
        while not select.select([self._child.stdout], [], [], 0.2)[0]:
            if _spent(self._child.pid) - start > busy or time.monotonic() > end:
                return None
        line = self._child.stdout.readline()
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found


def _spent(pid: int) -> float:
    """Seconds of processor time of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
