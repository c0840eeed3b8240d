"""Hostile files for every reader: ``python -m benchmarks.hostile --inputs 5000``.

First those that were planted by hand, then as many as asked for that hypothesis draws, spread evenly over the readers.
Writes ``benchmarks/results/hostile.json`` and the row of ``docs/reliability.md``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.hostile.attacks import planted
from benchmarks.hostile.fuzz import cases
from benchmarks.hostile.judge import Judge
from benchmarks.reliability import RESULT, add_row
from search_spaces.files import write_json

COUNTED = ("tried", "read", "refused", "executed", "hung", "died", "swollen", "unclear")


def fuzzed(judge: Judge, reader: str, sound: dict[str, bytes], inputs: int) -> None:
    """Let hypothesis draw so many cases for one reader."""

    @settings(
        max_examples=inputs, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases(sound))
    def each(files: dict[str, bytes]) -> None:
        judge.try_(reader, f"drawn {files!r:.200}", files)

    each()


def main(arguments: list[str] | None = None) -> None:
    """Try all, count, and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000, help="drawn besides the planted ones")
    parser.add_argument("--readers", nargs="+", default=None, help="some alone, without writing anything")
    options = parser.parse_args(arguments)
    said = " ".join(sys.argv[1:] if arguments is None else arguments)
    began, folder = time.perf_counter(), Path(tempfile.mkdtemp(prefix="weightloom-hostile-"))
    judge, readers = Judge(folder=folder), dict[str, dict[str, int]]()
    try:
        sound = judge.sound()
        chosen = {name: files for name, files in sound.items() if options.readers is None or name in options.readers}
        for name, files in chosen.items():
            before, known = Counter(judge.counts), len(judge.findings)
            for what, hostile in planted(name, files, judge.marker):
                judge.try_(name, what, hostile)
            by_hand = judge.counts["tried"] - before["tried"]
            if options.inputs >= len(chosen):
                fuzzed(judge, name, files, options.inputs // len(chosen))
            found = judge.counts - before
            readers[name] = {"planted": by_hand, **{key: found[key] for key in COUNTED}}
            print(name, readers[name], *judge.findings[known:], sep="\n    ", flush=True)
    finally:
        judge.close()
        shutil.rmtree(folder, ignore_errors=True)
    if options.readers is None:
        total: dict[str, Any] = {"planted": sum(found["planted"] for found in readers.values())}
        total |= {key: judge.counts[key] for key in COUNTED}
        seconds = time.perf_counter() - began
        content = {"inputs": options.inputs, "seconds": round(seconds, 1), "total": total, "readers": readers}
        write_json(RESULT.with_name("hostile.json"), {**content, "findings": judge.findings})
        add_row("hostile files", total, f"python -m benchmarks.hostile {said}".strip(), seconds)


if __name__ == "__main__":
    main()
