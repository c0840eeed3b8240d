"""Evaluation of 1,000 networks of mixed shapes, and diffusion sampling: ``python -m benchmarks.speed.evaluation``.

A loop runs each network as a plain module, made beforehand, over the test data of digits; ours runs batches. Sampling
of 64 networks in 8 steps is compared with one call of the same denoiser for the same 64.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.measuring import in_turns, one_thread, record
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.generator import Condition
from generators.registry import make_generator
from search_spaces import Blueprint, MLPSpace
from workbench.execution import predict
from workbench.tasks import load_task

STEPS = 8


def mixed(networks: int) -> list[Blueprint]:
    task = load_task("digits")
    space = MLPSpace(inputs=task.inputs, outputs=task.classes, shape=task.shape)
    return [Blueprint.of(a) for a in space.sample_distinct(networks, np.random.default_rng(0))]


@torch.no_grad()
def evaluation(networks: int, looped: int, turns: int) -> dict[str, Any]:
    """Seconds per network of the loop over some of them and of batches of all; the same predictions."""
    x = load_task("digits").test.x
    blueprints = mixed(networks)
    generated = make_generator("init", {}).generate(blueprints, range(networks))
    plain = [generated.network(i) for i in range(looped)]
    out: dict[str, Tensor] = {}

    def loop() -> None:
        out["loop"] = torch.stack([network(x).softmax(-1) for network in plain])

    def batches() -> None:
        out["batches"] = predict(generated, x)

    rows = in_turns({"loop": (loop, looped), "batches": (batches, networks)}, turns)
    difference = float((out["batches"][:looped] - out["loop"]).abs().max())
    return {"rows": rows, "difference": difference, "networks": networks, "looped": looped, "examples": len(x)}


@torch.no_grad()
def sampling(networks: int, turns: int) -> dict[str, Any]:
    """One call of the denoiser against all steps of sampling."""
    generator = DiffusionGenerator(DiffusionConfig(steps=STEPS)).eval()
    blueprints = mixed(networks)
    layout = generator.tokenizer.batch(blueprints)
    latent = generator.draw_latent(blueprints, range(networks))
    condition = Condition.uniform(networks)
    time = torch.ones(networks)

    def once() -> None:
        one = torch.tensor(1.0)
        generator.denoise(layout, generator.encoder(layout), latent, time, 0 * one, one, condition)

    def sample() -> None:
        generator(blueprints, latent, condition)

    return {"rows": in_turns({"one forward": (once, 1), "8 steps": (sample, 1)}, turns), "networks": networks}


def main(arguments: list[str] | None = None) -> None:
    """Print the rows and write ``benchmarks/results/speed-evaluation.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--looped", type=int, default=200)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args(arguments)
    one_thread()
    found = {
        "evaluation": evaluation(options.networks, options.looped, options.turns),
        "sampling": sampling(64, options.turns),
    }
    for part in found.values():
        print({name: (row["seconds"]["median"], row["ratio"]["median"]) for name, row in part["rows"].items()})
    record("evaluation", found)


if __name__ == "__main__":
    main()
