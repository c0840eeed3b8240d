"""Generate, run forwards and backwards, per network: ``python -m benchmarks.speed.step``.

A step of a plain module (forward, loss, backward) is 1. Ours generates for one network and for 64 at once, all of
which see the same 64 examples, and takes gradients of the generator's parameters; nobody's optimizer counts. ``mlp``
with a rank weighs directions that are made once an architecture; its settings for one network are smaller still.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.speed.measuring import Call, in_turns, one_thread, record
from benchmarks.speed.peers import installed_peers
from generators.generator import Generator
from generators.registry import make_generator
from search_spaces import Architecture, Blueprint, Edge, Node
from workbench.execution import best_device, run

MANY = 64
BATCH = 64
OURS: Mapping[str, tuple[str, Mapping[str, Any], tuple[int, ...]]] = {
    "mlp, rank 32": ("mlp", {"rank": 32, "hidden": 128, "layers": 2, "d": 64}, (MANY, 1)),
    "mlp, rank 16, small": ("mlp", {"rank": 16, "hidden": 32, "layers": 1, "d": 32}, (MANY, 1)),
    "mlp, as by default": ("mlp", {}, (MANY, 1)),
}
"""Family, settings, and for how many networks at once."""


def chain(space: str, *nodes: Node) -> Blueprint:
    """Of nodes that each read the one before."""
    edges = tuple(Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes))
    return Blueprint.of(Architecture(space=space, nodes=nodes, edges=edges))


def node(name: str, operation: str, **choices: int | str) -> Node:
    """With its choices sorted."""
    return Node(name=name, operation=operation, choices=tuple(sorted(choices.items())))


def dense(name: str, width: int, activation: str) -> Node:
    return node(name, "dense", width=width, activation=activation, norm="none")


def conv(name: str, channels: int, stride: int) -> Node:
    return node(name, "conv", channels=channels, kernel=3, groups=1, stride=stride, norm="none", activation="relu")


def plain_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def plain_cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )


TARGETS: Mapping[str, tuple[Blueprint, Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP 64-128-128-10": (
        chain(
            "mlp",
            node("input", "input", width=64),
            *(dense("a", 128, "relu"), dense("b", 128, "relu"), dense("output", 10, "none")),
        ),
        plain_mlp,
        (64,),
    ),
    "CNN 16-32-64 on 3 x 16 x 16": (
        chain(
            "conv2d",
            node("input", "image", channels=3, height=16, width=16),
            *(conv("a", 16, 1), conv("b", 32, 2), conv("c", 64, 2)),
            *(node("head", "global_pool", kind="avg"), dense("output", 10, "none")),
        ),
        plain_cnn,
        (3, 16, 16),
    ),
}


def our_step(generator: Generator, blueprint: Blueprint, count: int, x: Tensor, y: Tensor) -> Call:
    """Emit ``count`` networks from fresh latents, run all on the examples, and go back to the generator."""
    blueprints, flat = [blueprint] * count, x.flatten(1)

    def step() -> None:
        generator.zero_grad()
        generated = generator(blueprints, generator.draw_latent(blueprints, range(count)).to(x.device))
        logits = run(generated, flat)
        nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(count)).backward()

    return step


def repeated(call: Call, times: int) -> Call:
    def several() -> None:
        for _ in range(times):
            call()

    return several


def compare(target: str, turns: int) -> dict[str, Any]:
    """All rows of one target."""
    torch.manual_seed(0)
    blueprint, make, shape = TARGETS[target]
    device = best_device()
    plain, x, y = make().to(device), torch.randn(BATCH, *shape).to(device), torch.randint(10, (BATCH,)).to(device)
    state = {name: tuple(parameter.shape) for name, parameter in plain.named_parameters()}
    assert sorted(state.values()) == sorted(spec.shape for spec in blueprint.parameters), "the same network"

    def loss(logits: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, y)

    def of(net: nn.Module, forward: Callable[[], Tensor]) -> Call:
        def step() -> None:
            net.zero_grad()
            forward().backward()

        return step

    few = 16 if target.startswith("MLP") else 2
    calls: dict[str, tuple[Call, float]] = {
        "plain module": (repeated(of(plain, lambda: loss(plain(x))), 2 * few), 2 * few)
    }
    sizes: dict[str, int] = {}
    for name, (family, settings, counts) in OURS.items():
        generator = make_generator(family, settings).to(device)
        sizes[name] = sum(p.numel() for p in generator.parameters())
        for count in counts:
            call = our_step(generator, blueprint, count, x, y)
            calls[f"{name}, {count} at once"] = (call, count) if count > 1 else (repeated(call, 4), 4)
    found, failed = installed_peers(make, loss, x)
    for name, (net, forward) in found.items():
        sizes[name] = sum(p.numel() for p in net.parameters())
        calls[name] = repeated(of(net, forward), few), few
    rows = in_turns(calls, turns, device=device)
    for name, row in rows.items():
        print(
            f"{target}  {name:32} {row['seconds']['median'] * 1e3:8.2f} ms {row['ratio']['median']:7.2f}x", flush=True
        )
    return {"rows": rows, "generator_parameters": sizes, "failed": failed, "parameters": blueprint.parameter_count}


def main(arguments: list[str] | None = None) -> None:
    """Print the rows and write ``benchmarks/results/speed-step.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args(arguments)
    one_thread()
    found = {target: compare(target, options.turns) for target in TARGETS}
    record("step", {"turns": options.turns, "targets": found}, best_device())


if __name__ == "__main__":
    main()
