"""What sampling costs in every registered space: ``python -m benchmarks.spaces``.

Draws 10,000 architectures from each space and each kind of data that it takes, and prints how many are valid, how
many keys differ, and samples per second of processor time without and with their keys.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from pathlib import Path

import numpy as np

from search_spaces import SPACES, Architecture, SearchSpace, WeightloomError
from search_spaces.operations import parameters

SHAPES = {1: (64,), 2: (1, 40), 3: (1, 8, 8)}
"""Data as in tasks digits and mnist1d, by number of axes."""


def is_valid(space: SearchSpace, architecture: Architecture) -> bool:
    """Whether the space accepts its own sample: every node fits its inputs, and the genome matches the graph."""
    try:
        space.validate(architecture)
    except WeightloomError:
        return False
    return True


def measure(space: SearchSpace, samples: int) -> dict[str, object]:
    """Shares and rates of one space; seconds are processor time, since others may use the machine."""
    rng = np.random.default_rng(0)
    start = time.process_time()
    drawn = [space.sample(rng) for _ in range(samples)]
    seconds = time.process_time() - start
    keys = {architecture.key for architecture in drawn}
    with_keys = time.process_time() - start
    counts = np.array([parameters(architecture) for architecture in drawn])
    return {
        "shape": list(space.shape),
        "genomes": float(space.size),
        "genomes_are_exact": space.size_is_exact,
        "samples": samples,
        "valid": sum(is_valid(space, architecture) for architecture in drawn) / samples,
        "distinct_keys": len(keys) / samples,
        "samples_per_second": samples / seconds,
        "samples_per_second_with_keys": samples / with_keys,
        "parameters": {f"p{q}": int(np.percentile(counts, q)) for q in (0, 5, 50, 95, 100)},
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write them to ``benchmarks/results/spaces.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    options = parser.parse_args(arguments)
    found: dict[str, object] = {"machine": platform.machine(), "python": platform.python_version()}
    for name in SPACES.names():
        kind = SPACES.load(name)
        for rank in kind.ranks if name != "mlp" else (1,):  # which reads all data flat
            shape = SHAPES[rank]
            space = kind(inputs=math.prod(shape), outputs=10, shape=shape)
            found[f"{name} {len(shape) - 1}d" if rank > 1 else name] = row = measure(space, options.samples)
            print(f"{name:12} {shape!s:12} " + json.dumps(row))
    target = Path(__file__).parent / "results" / "spaces.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
