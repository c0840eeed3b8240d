"""What one really trained network costs against a PyTorch loop: ``python -m benchmarks.speed.zoo``.

Four kinds: a small and a large architecture many times, mixed depths and widths, and convolutions; one recipe and one
thread both ways. The loop (``benchmarks.zoo.train_one``) trains a few of the same networks from the same initial
weights: from torch's own, which are smaller, convolutions were .04 more accurate after 300 steps. Beside dense ones
stands how many times cheaper they could be at most: if nothing but their matrix products took time, at the speed of one
large product. ``python -m benchmarks.zoo`` is the same for mixed ones with all processes. A GPU, if there is one,
trains sixteen times as many, and beside the loop on it stands one on the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.speed.measuring import clock_of, multiplications, one_thread, peak_memory, peak_reset, record, spread
from benchmarks.speed.step import TARGETS, chain, dense, node
from benchmarks.zoo import accuracy, train_one
from generators.initialisation import initial_tokens
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Blueprint
from workbench.execution import best_device, predict
from workbench.tasks import Task, load_task, score
from workbench.zoo import Recipe, train_networks, train_sorted

MORE = 16
"""Times as many networks on a GPU."""


def blueprints_of(kind: str, task: Task, networks: int) -> list[Blueprint]:
    """As many of one kind."""
    rng = np.random.default_rng(0)
    if kind == SMALL:
        nodes = node("input", "input", width=64), dense("a", 32, "relu"), dense("output", 10, "none")
        return [chain("mlp", *nodes)] * networks
    if kind == LARGE:
        return [TARGETS["MLP 64-128-128-10"][0]] * networks
    if kind == "mixed depths and widths":
        space = SPACES.load("mlp")(inputs=task.inputs, outputs=task.classes, shape=task.shape)
        return [Blueprint.of(a) for a in space.sample_distinct(networks, rng)]
    side = int(task.inputs**0.5)
    space = SPACES.load("conv2d")(
        inputs=task.inputs, outputs=task.classes, shape=(1, side, side), stages=(2,), depths=(1,), widths=(8, 16)
    )
    few = [Blueprint.of(a) for a in space.sample_distinct(max(1, networks // 16), rng)]
    return [few[i % len(few)] for i in range(networks)]


def product_seconds(device: torch.device, times: int = 20) -> float:
    """Of one multiplication in a large matrix product, with its addition."""
    side, now = 512 if device.type == "cpu" else 8192, clock_of(device)
    square = torch.randn(side, side, device=device)
    out = torch.empty_like(square)
    start = now()
    for _ in range(times):
        torch.mm(square, square, out=out)
    return (now() - start) / times / side**3


def compare(kind: str, goal: str, networks: int, looped: int, recipe: Recipe, turns: int) -> dict[str, Any]:
    """Seconds of the processor per network both ways, and test accuracy of the networks that both trained."""
    device = best_device()
    task, now = load_task("digits").to(device), clock_of(device)
    if device.type != "cpu":
        networks *= MORE
    blueprints = blueprints_of(kind, task, networks)
    chosen = np.random.default_rng(1).choice(networks, size=looped, replace=False).tolist()
    tokenizer = WeightTokenizer()
    train = train_networks if kind in (SMALL, LARGE) else train_sorted
    sizes = [multiplications(blueprints[i]) for i in chosen]
    products = 3 * recipe.batch_size * recipe.steps * float(np.mean(sizes))  # forwards, and two ways backwards
    most: list[float] = []
    beside: list[float] = []
    fresh = initial_tokens(tokenizer, [blueprints[i] for i in chosen], chosen)
    starts = [tokenizer.detokenize(tokens, blueprints[i]) for tokens, i in zip(fresh, chosen, strict=True)]
    ratios, scores = [], {"stacked": 0.0, "loop": 0.0}
    for _ in range(turns):
        peak_reset(device)
        start = now()
        stacked = train(task, tokenizer, blueprints, range(networks), recipe).networks
        cost = (now() - start) / networks
        memory = peak_memory(device)
        start = now()
        alone = [train_one(task, blueprints[i], i, recipe, own) for i, own in zip(chosen, starts, strict=True)]
        loop = (now() - start) / looped
        if device.type != "cpu":
            start = time.process_time()
            train_one(load_task("digits"), blueprints[chosen[0]], chosen[0], recipe, starts[0])
            beside.append((time.process_time() - start) / cost)
        ratios.append(loop / cost)
        most.append(loop / (products * product_seconds(device)))
        scores["stacked"] = float(score(predict(stacked.select(chosen), task.test.x), task.test.y).mean())
        scores["loop"] = float(np.mean([accuracy(one, task.test.x, task.test.y) for one in alone]))
        print(kind, ratios[-1], cost, scores, flush=True)
    return {
        "times_cheaper": spread(np.array(ratios)),
        "times_cheaper_than_on_the_processor": spread(np.array(beside)) if beside else None,
        "at_most": None if kind == "convolutions" else float(np.median(most)),
        "seconds_per_network": cost,
        "accuracy": scores,
        "goal": goal,
        "networks": networks,
        "looped": looped,
        "steps": recipe.steps,
        "peak_mib": memory,
    }


SMALL, LARGE = "one architecture, 64-32-10", "one architecture, 64-128-128-10"
KINDS: Sequence[tuple[str, str, int, int]] = (
    (SMALL, "50", 256, 3),
    (LARGE, "50", 256, 3),
    ("mixed depths and widths", "25", 256, 4),
    ("convolutions", "5", 64, 8),
)
"""Kind, goal, networks, how many of them the loop trains."""


def main(arguments: list[str] | None = None) -> None:
    """Print the ratios and write ``benchmarks/results/speed-zoo.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(arguments)
    one_thread()
    recipe = Recipe(steps=options.steps, batch_size=32)
    found = {
        kind: compare(kind, goal, networks, looped, recipe, options.turns) for kind, goal, networks, looped in KINDS
    }
    record("zoo", {"kinds": found}, best_device())


if __name__ == "__main__":
    main()
