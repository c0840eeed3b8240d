"""Whether what was written computes what its network computes, on real rows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from search_spaces import RunFailed

# dimension names: batch = examples, inputs = values of one example, classes

TOLERANCE = 1e-5

Run = Callable[[Tensor], Tensor]
"""[batch, inputs] → [batch, classes], 32-bit floats on the CPU."""


@torch.no_grad()
def agreement(path: str | Path, what: str, run: Run, reference: Run, rows: Float[Tensor, "batch inputs"]) -> float:
    """The largest absolute difference between the outputs of a file and of its network.

    All rows are run at once and the first alone, so that a batch size that was baked in does not pass.

    Args:
        path: of the file, for the message.
        what: its format, for the message.
        run: runs the file.
        reference: runs the network.
        rows: real examples, one at least.

    Raises:
        RunFailed: the difference is more than 1e-5 (for outputs above 1, than 1e-5 of the largest).
    """
    rows = rows.detach().cpu().float()
    got, expected = (torch.cat([call(rows), call(rows[:1])]) for call in (run, reference))
    difference = float((got - expected).abs().max()) if got.shape == expected.shape else float("inf")
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise RunFailed(
            f"{path}: expected {what} outputs within {TOLERANCE:g} of PyTorch's, got {difference:g} away; "
            "no file was written: check the network for values that are not finite"
        )
    return difference


def on_cpu(network: nn.Module) -> nn.Module:
    """A copy on the CPU, in evaluation mode."""
    return copy.deepcopy(network).cpu().eval()
