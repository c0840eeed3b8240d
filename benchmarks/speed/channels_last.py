"""Does it pay to keep channels as the last axis in memory? ``python -m benchmarks.speed.channels_last``.

A 3 x 3 convolution with a group for each of 16 networks, 64 examples, forward and backward, as networks of one shape
are run side by side. Takes a GPU if it is there.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks.speed.measuring import Call, in_turns, one_thread, record
from workbench.execution import best_device

SIZES = ((16, 8), (32, 16))
"""Channels of a network, and the side of its pictures."""
NETWORKS = 16


def step_of(channels: int, side: int, layout: torch.memory_format, device: torch.device) -> Call:
    """Forward and backward of one convolution in this order of axes."""
    x, weight = (
        torch.randn(*shape, device=device).to(memory_format=layout).requires_grad_()
        for shape in ((64, NETWORKS * channels, side, side), (NETWORKS * channels, channels, 3, 3))
    )

    def step() -> None:
        total = torch.nn.functional.conv2d(x, weight, padding=1, groups=NETWORKS).square().sum()
        float(torch.autograd.grad(total, (x, weight))[1].sum())  # waits for a GPU

    return step


def compare(channels: int, side: int, turns: int, device: torch.device) -> dict[str, Any]:
    """Both orders, turn by turn."""
    layouts = {"as it is": torch.contiguous_format, "channels last": torch.channels_last}
    calls = {name: (step_of(channels, side, own, device), 1) for name, own in layouts.items()}
    rows = in_turns(calls, turns, device=device)
    ratio = rows["channels last"]["ratio"]["median"]
    print(f"{channels} channels, {side} x {side}: channels last {ratio:.2f}x", flush=True)
    return {"channels": channels, "side": side, "rows": rows}


def main(arguments: list[str] | None = None) -> None:
    """Print the ratios and write ``benchmarks/results/speed-channels_last.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args(arguments)
    one_thread()
    device = best_device()
    found = [compare(channels, side, options.turns, device) for channels, side in SIZES]
    record("channels_last", {"turns": options.turns, "convolutions": found}, device)


if __name__ == "__main__":
    main()
