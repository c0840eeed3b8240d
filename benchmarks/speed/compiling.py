"""Does ``torch.compile`` pay, or do products of fewer bits? ``python -m benchmarks.speed.compiling``.

A step of training (16 networks of mixed shapes, 128 examples, AdamW) of each family, as it is, with compiled layers
(``compile: true``) and under autocast to bfloat16 (``precision: bf16-mixed``), turn by turn, and what compiling costs
once. Of a GPU if there is one.
"""

from __future__ import annotations

import argparse
import time
import warnings
from contextlib import ExitStack
from typing import Any

import torch

from benchmarks.speed.evaluation import mixed
from benchmarks.speed.measuring import Call, in_turns, one_thread, record
from generators.generator import Generator
from generators.registry import make_generator
from search_spaces import Blueprint
from workbench.execution import best_device
from workbench.tasks import Task, load_task
from workbench.training import TaskObjective, TrainingConfig
from workbench.training.compiling import compiled

FAMILIES = ("mlp", "experts", "transformer", "diffusion")
WARM = 6
"""Steps before the first that counts: shapes that are new may compile anew."""


def step_of(generator: Generator, task: Task, pool: list[Blueprint], bits: int = 32) -> Call:
    """One step of training on networks and examples that are drawn in the same order for all."""
    objective = TaskObjective(task, pool, TrainingConfig(architectures=16))
    optimizer = torch.optim.AdamW(generator.parameters(), lr=1e-3)
    device = generator.device.type

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bits < 32):
            loss = objective.loss(generator)
        loss.backward()
        optimizer.step()
        float(loss.detach())  # waits for a GPU

    return step


def compare(family: str, turns: int) -> dict[str, Any]:
    """Rows of one family, and seconds that compiling took."""
    device = best_device()
    task, pool = load_task("digits").to(device), mixed(64)
    made = []
    for _ in range(3):
        torch.manual_seed(0)
        made.append(make_generator(family, {}).to(device))
    plain, fast, short = made
    with ExitStack() as stack:
        stack.enter_context(compiled(fast))
        calls = {
            "as it is": step_of(plain, task, pool),
            "compiled": step_of(fast, task, pool),
            "bf16": step_of(short, task, pool, bits=16),
        }
        began = time.process_time()
        for _ in range(WARM):
            calls["compiled"]()
        spent = time.process_time() - began
        for call in (calls["as it is"], calls["bf16"]):
            for _ in range(WARM):
                call()
        clock = time.perf_counter if device.type == "cpu" else None
        rows = in_turns({name: (call, 1) for name, call in calls.items()}, turns, device=device, clock=clock)
    for name, row in rows.items():
        print(
            f"{family:12} {name:10} {row['seconds']['median'] * 1e3:8.1f} ms {row['ratio']['median']:6.2f}x", flush=True
        )
    return {"compiling_seconds": spent - WARM * rows["compiled"]["seconds"]["median"], "rows": rows}


def main(arguments: list[str] | None = None) -> None:
    """Print the rows and write ``benchmarks/results/speed-compiling.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # torch's advice on compiling
    one_thread()
    found = {name: compare(name, options.turns) for name in FAMILIES}
    record("compiling", {"turns": options.turns, "families": found}, best_device())


if __name__ == "__main__":
    main()
