"""Whether the same seed gives the same bytes: ``python -m benchmarks.determinism``.

Sweeps twice, each time in processes of its own and on a zoo of its own, and compares every file that leaves the run:
exports, generators, and the zoo that they learned from. Writes a row of ``docs/reliability.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.reliability import add_row

LEAVING = ("quick/exports/*", "quick/generators/*/*", ".zoo/*/networks.safetensors")
CREATED = "1800000000"
"""When a file says that it was made, which would differ otherwise."""


def swept(runs: Path, arguments: list[str], threads: int) -> dict[str, str]:
    """SHA-256 of each file that leaves a sweep, by its path under ``runs``."""
    command = [sys.executable, "-m", "weightloom", "sweep", "quick", "--runs-folder", str(runs), *arguments]
    environment = os.environ | {"SOURCE_DATE_EPOCH": CREATED, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    found = [path for pattern in LEAVING for path in sorted(runs.glob(pattern))]
    return {str(path.relative_to(runs)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def main(arguments: list[str] | None = None) -> None:
    """Sweep twice with one seed and once with another, which must differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.determinism", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--trials", type=int, default=3)
    options = parser.parse_args(arguments)
    said = " ".join(sys.argv[1:] if arguments is None else arguments)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="weightloom-determinism-") as folder:
        asked = ["--trials", str(options.trials)]
        first, second = (swept(Path(folder) / name, asked, options.threads) for name in "ab")
        other = swept(Path(folder) / "c", [*asked, "--set", "seed=1"], options.threads)
    exports = [path for path in first if "/exports/" in path]
    row = {
        "threads": options.threads,
        "exports": len(exports),
        "exports that differ": sum(second.get(path) != first[path] for path in exports),
        "generators and zoos": len(first) - len(exports),
        "of these that differ": sum(second.get(path) != first[path] for path in set(first) - set(exports)),
        "exports equal under another seed": len({first[p] for p in exports} & set(other.values())),
    }
    add_row("the same seed twice", row, f"python -m benchmarks.determinism {said}".strip(), time.perf_counter() - began)


if __name__ == "__main__":
    main()
