"""What a command costs before it does anything, and a sweep beside its trials: ``python -m benchmarks.speed.command``.

``weightloom --help`` as a whole process against ``python -c pass``, in turns, processor seconds of the child. Then a
sweep of one worker whose trials only wait (``benchmarks.toy_sweep``): what passes beyond their waiting, by the clock.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.speed.measuring import Call, in_turns, one_thread, record


def children() -> float:
    """Processor seconds of children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process(*command: str) -> Call:
    def call() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return call


def main(arguments: list[str] | None = None) -> None:
    """Print the ratios and write ``benchmarks/results/speed-command.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one trial")
    options = parser.parse_args(arguments)
    one_thread()
    calls = {
        "python -c pass": (process(sys.executable, "-c", "pass"), 1.0),
        "weightloom --help": (process(str(Path(sys.executable).parent / "weightloom"), "--help"), 1.0),
        "weightloom sweep --help": (process(str(Path(sys.executable).parent / "weightloom"), "sweep", "--help"), 1.0),
    }
    rows = in_turns(calls, options.turns, clock=children)
    for row in rows.values():
        del row["peak_mib"]  # of this process, not of the child
    with tempfile.TemporaryDirectory() as folder:
        own = [sys.executable, "-m", "benchmarks.toy_sweep", "lead", f"{folder}/run", "--workers", "1"]
        used, start = children(), time.perf_counter()
        process(*own, "--trials", str(options.trials), "--seconds", str(options.seconds))()
        passed, used = time.perf_counter() - start, children() - used
    waited = options.trials * options.seconds
    sweep = {"seconds": passed, "of_trials": waited, "overhead": passed / waited - 1, "processor_seconds": used}
    print({name: row["ratio"] for name, row in rows.items()}, sweep)
    record("command", {"rows": rows, "sweep": sweep, "trials": options.trials})


if __name__ == "__main__":
    main()
