"""Evaluation of 1,000 networks of mixed shapes, and diffusion sampling: ``python -m benchmarks.speed.evaluation``.

Ours (``predict``) is compared with two loops over plain modules on the test data of digits: one that, as whoever has a
thousand sets of weights would write it, builds each module, loads its weights and runs it; and one over modules made
beforehand, whose making costs nothing here. Beside them stands a floor: the time of the activations' own kernels on as
many values, and of all multiplications at the speed of one large matrix product. No way of calling them is faster.

Sampling of 64 networks in 8 steps is compared with one call of the same denoiser for the same 64.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.measuring import Call, in_turns, multiplications, one_thread, record
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.generator import Condition
from generators.registry import make_generator
from search_spaces import Blueprint, MLPSpace
from workbench.execution import best_device, predict
from workbench.execution.slot import FORWARD
from workbench.tasks import load_task

STEPS = 8
EXAMPLES = (16, 64, 449)
PIECE, SIDE = 2**16, 512
"""Of the floor: values at once, in the cache, and rows of a square matrix."""


def mixed(networks: int) -> list[Blueprint]:
    task = load_task("digits")
    space = MLPSpace(inputs=task.inputs, outputs=task.classes, shape=task.shape)
    return [Blueprint.of(a) for a in space.sample_distinct(networks, np.random.default_rng(0))]


def floor(blueprints: list[Blueprint], examples: int) -> Call:
    """Activations of as many values as these networks have, and as many multiplications as in their matrices."""
    values = Counter[str]()
    products = 0
    for blueprint in blueprints:
        products += examples * multiplications(blueprint)
        for node in blueprint.architecture.nodes[1:]:
            values[str(node["activation"])] += examples * int(node["width"])
    values.pop("none")
    block, square = torch.randn(PIECE), torch.randn(SIDE, SIDE)
    out, into = torch.empty_like(block), torch.empty_like(square)

    def call() -> None:
        for kind, count in values.items():
            for _ in range(round(count / PIECE)):
                FORWARD[kind](block, out)
        for _ in range(round(products / SIDE**3)):
            torch.mm(square, square, out=into)

    return call


@torch.no_grad()
def evaluation(networks: int, looped: int, turns: int, examples: int) -> dict[str, Any]:
    """Seconds per network of the loops over some of them and of batches of all; the same predictions."""
    device = best_device()
    x = load_task("digits").test.x[:examples].to(device)
    blueprints = mixed(networks)
    generated = make_generator("init", {}).generate(blueprints, range(networks)).to(device)
    plain = [generated.network(i) for i in range(looped)]
    out: dict[str, Tensor] = {}

    def loop() -> None:
        torch.stack([generated.network(i)(x).softmax(-1) for i in range(looped)])

    def made_before() -> None:
        out["loop"] = torch.stack([network(x).softmax(-1) for network in plain])

    def batches() -> None:
        out["batches"] = predict(generated, x)

    calls: dict[str, tuple[Call, float]] = {
        "batches": (batches, networks),
        "loop": (loop, looped),
        "loop, modules made before": (made_before, looped),
    }
    if device.type == "cpu":
        calls["floor"] = floor(blueprints, len(x)), networks
    rows = in_turns(calls, turns, device=device)
    difference = float((out["batches"][:looped] - out["loop"]).abs().max())
    return {"rows": rows, "difference": difference, "networks": networks, "looped": looped, "examples": len(x)}


@torch.no_grad()
def sampling(networks: int, turns: int) -> dict[str, Any]:
    """One call of the denoiser against all steps of sampling."""
    device = best_device()
    generator = DiffusionGenerator(DiffusionConfig(steps=STEPS)).eval().to(device)
    blueprints = mixed(networks)
    layout = generator.tokenizer.batch(blueprints).to(device)
    latent = generator.draw_latent(blueprints, range(networks)).to(device)
    condition = Condition.uniform(networks, device=device)
    time = torch.ones(networks, device=device)

    def once() -> None:
        one = torch.tensor(1.0, device=device)
        generator.denoise(layout, generator.encoder(layout), latent, time, 0 * one, one, condition)

    def sample() -> None:
        generator(blueprints, latent, condition)

    rows = in_turns({"one forward": (once, 1), "8 steps": (sample, 1)}, turns, device=device)
    return {"rows": rows, "networks": networks}


def main(arguments: list[str] | None = None) -> None:
    """Print the rows and write ``benchmarks/results/speed-evaluation.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--looped", type=int, default=200)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args(arguments)
    one_thread()
    found: dict[str, Any] = {
        "evaluation": [evaluation(options.networks, options.looped, options.turns, n) for n in EXAMPLES],
        "sampling": sampling(64, options.turns),
    }
    for part in (*found["evaluation"], found["sampling"]):
        print({name: (row["seconds"]["median"], row["ratio"]["median"]) for name, row in part["rows"].items()})
    record("evaluation", found, best_device())


if __name__ == "__main__":
    main()
