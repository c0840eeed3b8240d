"""ResNet-50's 25.6 million parameters, one thread: ``python -m benchmarks.speed.resnet``.

The network is defined here (He et al. 2016, arXiv:1512.03385, table 1; strides on the 3 x 3 as in torchvision), with
group norm in the place of batch norm, which `ModuleSpace` refuses: as many parameters. Timed are the blueprint (module
on the meta device, its graph traced, parameters read; again with all caches warm) and the emission of every weight.
Then the network is run: variance of what every convolution puts out, beside that of independent normal weights, and how
many neurons have an equal.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.speed.measuring import clock_of, one_thread, peak_memory, peak_reset, record, spread
from generators.registry import make_generator
from generators.streaming import Streamed, gathered
from search_spaces import Blueprint, ModuleSpace, blueprint, module
from search_spaces.building import network_of
from workbench.execution import best_device

SETTINGS: dict[str, Any] = {"token_width": 4608, "d": 32, "hidden": 32, "layers": 1, "rank": 16, "latent": 16}


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1, and what went in."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.norm1 = nn.Conv2d(inputs, width, 1, bias=False), nn.GroupNorm(32, width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(32, width)
        self.conv3, self.norm3 = nn.Conv2d(width, outputs, 1, bias=False), nn.GroupNorm(32, outputs)
        self.short = nn.Sequential()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.short = nn.Sequential(conv, nn.GroupNorm(32, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """A feature map."""
        h = torch.relu(self.norm1(self.conv1(x)))
        h = torch.relu(self.norm2(self.conv2(h)))
        return torch.relu(self.norm3(self.conv3(h)) + self.short(x))


def resnet50(classes: int) -> nn.Module:
    stem = (nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.GroupNorm(32, 64), nn.ReLU())
    blocks: list[nn.Module] = []
    inputs = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            blocks.append(Bottleneck(inputs, width, stride if i == 0 else 1))
            inputs = 4 * width
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
    return nn.Sequential(*stem, nn.MaxPool2d(3, stride=2, padding=1), *blocks, *head)


class ResNet50(ModuleSpace):
    """One point."""

    name = "resnet50"

    def make(self) -> nn.Module:
        """The network."""
        return resnet50(self.outputs)


def forget() -> None:
    """As if no blueprint had been made in this process."""
    module._composed.cache_clear()
    blueprint._of.cache_clear()


def variances(state: dict[str, Tensor], found: Blueprint, size: int) -> dict[str, float]:
    """Of what each convolution and linear layer puts out, over 4 random images."""
    network = network_of(found.architecture).load(state).eval()
    seen: dict[str, float] = {}

    def hook(name: str) -> Any:
        def note(layer: nn.Module, given: Any, made: Tensor) -> None:
            seen[name] = float(made.var())

        return note

    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(hook(name))
    with torch.no_grad():
        network(torch.randn(4, 3 * size * size))
    return seen


def fresh(found: Blueprint, gain: float) -> dict[str, Tensor]:
    """Independent normal weights of variance gain / fan-in, norms neutral: 1 = LeCun's, 2 = He's (arXiv:1502.01852)."""
    return {
        spec.name: torch.randn(spec.shape) * (gain / spec.fan_in) ** 0.5
        if spec.role == "weight"
        else torch.full(spec.shape, float(spec.role == "scale"))
        for spec in found.parameters
    }


def share_within(of_layers: dict[str, float]) -> float:
    """Of layers whose outputs have a variance of 0.5 to 2."""
    return sum(0.5 <= value <= 2 for value in of_layers.values()) / len(of_layers)


def twins(state: dict[str, Tensor]) -> tuple[int, float]:
    """Neurons with an equal in their layer, and the closest two of any layer: greatest cosine."""
    equal, closest = 0, 0.0
    for value in state.values():
        if value.dim() < 2:
            continue
        rows = value.flatten(1)
        equal += len(rows) - len(torch.unique(rows, dim=0))
        unit = nn.functional.normalize(rows - rows.mean(0))
        closest = max(closest, float((unit @ unit.T).fill_diagonal_(-1).max()))
    return equal, closest


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write ``benchmarks/results/speed-resnet.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--size", type=int, default=224, help="of an image's side")
    options = parser.parse_args(arguments)
    one_thread()
    torch.manual_seed(0)
    space = ResNet50(inputs=3 * options.size**2, outputs=1000, shape=(3, options.size, options.size))
    device = best_device()
    generator, now = make_generator("mlp", SETTINGS).to(device), clock_of(device)
    assert isinstance(generator, Streamed)
    genome = space.genome(space.sample(np.random.default_rng(0)))
    seconds: dict[str, list[float]] = {"blueprint": [], "blueprint, cached": [], "generation": []}
    peak_reset(device)
    state: dict[str, Tensor] = {}
    for turn in range(options.turns + 1):
        forget()
        for name in ("blueprint", "blueprint, cached"):
            start = time.process_time()
            found = Blueprint.of(space.from_genome(genome))
            _ = found.key
            seconds[name].append(time.process_time() - start)
        start = now()
        state = gathered(generator, found, turn, generator.tokenizer.width)
        seconds["generation"].append(now() - start)
    memory = peak_memory(device)
    state = {name: value.cpu() for name, value in state.items()}
    shown = {name: spread(np.array(own[1:])) for name, own in seconds.items()}
    of_layers = variances(state, found, options.size)
    equal, closest = twins(state)
    usual = {
        name: share_within(variances(fresh(found, gain), found, options.size))
        for name, gain in (("1 / fan-in", 1.0), ("2 / fan-in", 2.0))
    }
    content = {
        "parameters": found.parameter_count,
        "nodes": len(found.architecture.nodes),
        "seconds": shown,
        "first_blueprint_seconds": seconds["blueprint"][0],
        "peak_mib": memory,
        "equal_neurons": equal,
        "greatest_cosine_of_two_neurons": closest,
        "variances": of_layers,
        "share_of_layers_within": share_within(of_layers),
        "share_within_of_independent_weights": usual,
        "settings": SETTINGS,
    }
    print({key: value for key, value in content.items() if key != "variances"})
    print({name: round(value, 2) for name, value in of_layers.items()})
    record("resnet", content, device)


if __name__ == "__main__":
    main()
