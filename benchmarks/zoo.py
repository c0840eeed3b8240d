"""What one really trained network costs: stacked by weightloom against one after another in plain PyTorch.

``python -m benchmarks.zoo`` trains networks of mixed depth, width, norm, activation and skips on digits with one
recipe both ways in turn, and prints the ratio of seconds per network with the accuracies beside it. The loop
trains a random sample of the same networks, because training all of them would take most of an hour.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, MLPSpace
from search_spaces.network import GraphNetwork
from workbench.execution import predict, settle
from workbench.tasks import Task, load_task, score
from workbench.zoo import Recipe, train_sorted, warm_cosine


def train_one(
    task: Task, blueprint: Blueprint, seed: int, recipe: Recipe, start: Mapping[str, Tensor] | None = None
) -> GraphNetwork:
    """The recipe as anybody would write it for one network, from torch's own initial weights or from ``start``."""
    torch.manual_seed(seed)
    device = task.train.x.device
    network = GraphNetwork(blueprint.architecture).to(device)
    if start is not None:
        network.load_state_dict(dict(start))
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, recipe.steps))
    best, state = -1.0, network.state_dict()
    for step in range(recipe.steps):
        index = torch.randint(len(task.train), (recipe.batch_size,), device=device)
        x = task.train.x[index] + recipe.input_noise * torch.randn(recipe.batch_size, task.inputs, device=device)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), task.train.y[index]).backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % recipe.check_every == 0:
            with torch.no_grad():
                now = accuracy(network, task.validation.x, task.validation.y)
            if now >= best:
                best, state = now, {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(state)
    return network


def accuracy(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share classified rightly."""
    return float((network(x).argmax(-1) == y).float().mean())


def measure(networks: int, looped: int, steps: int, batch_size: int, rounds: int) -> dict[str, object]:
    """Seconds per network and test accuracy both ways, ``rounds`` times in turn.

    The loop runs on one thread, where it is fastest; the stacks use a process for each of torch's threads, and the
    time to start these counts.
    """
    settle()
    task = load_task("digits")
    space = MLPSpace(inputs=task.inputs, outputs=task.classes, shape=task.shape)
    recipe = Recipe(steps=steps, batch_size=batch_size)
    threads = torch.get_num_threads()
    tokenizer = WeightTokenizer()
    ratios, stacked_seconds, loop_seconds, stacked_scores, loop_scores = [], [], [], [], []
    for turn in range(rounds):
        rng = np.random.default_rng(turn)
        blueprints = [Blueprint.of(a) for a in space.sample_distinct(networks, rng)]
        start = time.perf_counter()
        trained = train_sorted(task, tokenizer, blueprints, range(networks), recipe).networks
        stacked = (time.perf_counter() - start) / networks
        torch.set_num_threads(1)
        sample = rng.choice(networks, size=looped, replace=False).tolist()
        start = time.perf_counter()
        alone = [train_one(task, blueprints[i], i, recipe) for i in sample]
        loop = (time.perf_counter() - start) / looped
        torch.set_num_threads(threads)
        stacked_scores.append(float(score(predict(trained.select(sample), task.test.x), task.test.y).mean()))
        with torch.no_grad():
            loop_scores.append(float(np.mean([accuracy(n, task.test.x, task.test.y) for n in alone])))
        ratios.append(loop / stacked)
        stacked_seconds.append(stacked)
        loop_seconds.append(loop)
    return {
        "networks": networks,
        "looped": looped,
        "steps": steps,
        "batch_size": recipe.batch_size,
        "threads": threads,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "times_cheaper": {"median": float(np.median(ratios)), "min": min(ratios), "max": max(ratios)},
        "seconds_per_network": {"stacked": stacked_seconds, "loop": loop_seconds},
        "test_accuracy": {"stacked": stacked_scores, "loop": loop_scores},
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write them to ``benchmarks/results/zoo.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=512)
    parser.add_argument("--looped", type=int, default=8, help="how many of them are also trained one after another")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    found = measure(options.networks, options.looped, options.steps, options.batch_size, options.rounds)
    target = Path(__file__).parent / "results" / "zoo.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    print(f"written to {target}")


if __name__ == "__main__":
    main()
