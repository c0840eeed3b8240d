"""What a network costs to keep and to run: parameters, operations, bytes and milliseconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from search_spaces import operations
from search_spaces.network import Network
from workbench.summary import NetworkCost

ROUNDS = 11
LEAST = 2e-3
"""Seconds that one measurement takes at least; short calls are repeated."""
BATCHES = (1, 64)


def milliseconds(calls: Sequence[Callable[[], object]], rounds: int = ROUNDS) -> Float[np.ndarray, "calls rounds"]:
    """Time of one call of each, taken in turns so that a busy moment of the machine meets all of them.

    Args:
        calls: what is timed, after one call to warm up.
        rounds: measurements of each.
    """
    repeats = []
    for call in calls:
        call()
        repeats.append(max(1, math.ceil(LEAST / max(1e-9, _seconds(call, 1)))))
    turns = [[_seconds(c, n) / n for c, n in zip(calls, repeats, strict=True)] for _ in range(rounds)]
    return 1000.0 * np.array(turns).T


@torch.no_grad()
def cost_pair(before: Network, after: Network, rows: Float[Tensor, "rows inputs"]) -> tuple[NetworkCost, NetworkCost]:
    """What a network costs before and after it was made smaller, on this machine with torch's present threads.

    Milliseconds are medians of `ROUNDS` measurements; bytes are those of the parameters as a safetensors file.

    Args:
        before: ready to run.
        after: the same, smaller.
        rows: real examples, repeated to batches of 1 and 64.
    """
    batches = [rows.cpu()[torch.arange(size) % len(rows)] for size in BATCHES]

    def call(network: Network, batch: Tensor) -> Callable[[], object]:
        return lambda: network(batch)

    times = np.median(milliseconds([call(network, b) for network in (before, after) for b in batches]), axis=1)
    one, two = (_cost(n, *times[at : at + 2].tolist()) for n, at in ((before, 0), (after, 2)))
    return one, two


def weights_bytes(network: Network) -> int:
    """Size of a safetensors file of its parameters."""
    return len(save({name: p.detach().cpu().contiguous() for name, p in network.named_parameters()}))


def _cost(network: Network, single: float, batched: float) -> NetworkCost:
    return NetworkCost(
        parameters=sum(p.numel() for p in network.parameters()),
        flops=operations.flops(network.architecture),
        bytes=weights_bytes(network),
        ms_1=single,
        ms_64=batched,
    )


def _seconds(call: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return time.perf_counter() - began
