"""How cost grows with networks, parameters and tokens: ``python -m benchmarks.speed.growth``.

Emission and a run over 64 examples without gradients, slopes of straight lines through the logarithms.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from benchmarks.parts import FIGURES
from benchmarks.speed.measuring import in_turns, one_thread, record, slope
from benchmarks.speed.step import TARGETS, chain, dense, node
from generators.registry import make_generator
from search_spaces import Blueprint
from workbench.execution import run

NETWORKS = (16, 32, 64, 128, 256, 512)
WIDTHS = (128, 256, 512, 1024, 2048)
TOKENS = (64, 128, 256, 512, 1024, 2048)


def wide(width: int) -> Blueprint:
    return chain("mlp", node("input", "input", width=64), dense("a", width, "relu"), dense("b", 10, "none"))


def deep(width: int) -> Blueprint:
    layers = [dense(name, width, "relu") for name in "abc"]
    return chain("mlp", node("input", "input", width=64), *layers, dense("output", 10, "none"))


SETTINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "mlp": ("mlp", {"rank": 32, "hidden": 128, "layers": 2}),
    "transformer": ("transformer", {}),
    "transformer over nodes": ("transformer", {"look_at": "nodes"}),
}


def grow(name: str, sizes: Sequence[int], made: Callable[[int], tuple[list[Blueprint], float]], turns: int) -> Any:
    """Seconds for each size, and the slope over what ``made`` says the size is."""
    family, settings = SETTINGS[name]
    generator, x = make_generator(family, settings), torch.randn(64, 64)
    counts, calls = [], {}
    for size in sizes:
        blueprints, count = made(size)
        counts.append(count)

        def call(blueprints: list[Blueprint] = blueprints) -> None:
            run(generator.generate(blueprints, range(len(blueprints))), x)

        calls[str(size)] = call, 1.0
    rows = in_turns(calls, turns)
    seconds = [row["seconds"]["median"] for row in rows.values()]
    found = {"sizes": counts, "seconds": seconds, "slope": slope(counts, seconds), "rows": rows}
    found["last_slope"] = slope(counts[-3:], seconds[-3:])
    print(name, [round(s, 4) for s in seconds], found["slope"], found["last_slope"], flush=True)
    return found


def draw(found: dict[str, Any]) -> None:
    """``docs/figures/growth.svg``."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(found), figsize=(4 * len(found), 3.2), sharey=True)
    for axis, (name, row) in zip(axes, found.items(), strict=True):
        axis.loglog(row["sizes"], row["seconds"], "o-")
        axis.set_xlabel(name)
        axis.set_title(f"slope {row['slope']:.2f}")
        axis.grid(True, which="both", alpha=0.3)
    axes[0].set_ylabel("seconds")
    figure.tight_layout()
    figure.savefig(FIGURES / "growth.svg", metadata={"Date": None})


def main(arguments: list[str] | None = None) -> None:
    """Print the slopes, draw them and write ``benchmarks/results/speed-growth.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args(arguments)
    one_thread()
    small = TARGETS["MLP 64-128-128-10"][0]

    def one(blueprint: Blueprint) -> tuple[list[Blueprint], float]:
        return [blueprint], float(blueprint.parameter_count)

    found = {
        "networks, mlp": grow("mlp", NETWORKS, lambda n: ([small] * n, float(n)), options.turns),
        "parameters, mlp": grow("mlp", WIDTHS, lambda width: one(deep(width)), options.turns),
        **{
            f"tokens, {name}": grow(name, TOKENS, lambda width: ([wide(width)], float(width)), options.turns)
            for name in ("transformer", "transformer over nodes")
        },
    }
    draw(found)
    record("growth", {"growth": found})


if __name__ == "__main__":
    main()
