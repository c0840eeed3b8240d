"""Where networks are trained and run."""

from __future__ import annotations

import os

import torch

from search_spaces import WeightloomError

DEVICES = ("cpu", "cuda", "mps")
DEVICE = "WEIGHTLOOM_DEVICE"
"""Names one of these in the environment, for this process and those it starts."""


def best_device() -> torch.device:
    """The device of Lightning's trainer, of zoos and of evaluation: a CUDA device if there is one, else the processor.

    Metal (``mps``) is used only where the environment asks for it, as nothing was measured on it.

    Raises:
        WeightloomError: the environment names something else, or what is not there.
    """
    asked = os.environ.get(DEVICE) or ("cuda" if torch.cuda.is_available() else "cpu")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(asked):
        found = " and ".join(name for name, here in there.items() if here)
        raise WeightloomError(
            f"{DEVICE}={asked}: expected one of {', '.join(DEVICES)} that this machine has, which has {found}; name "
            f"one of those, or leave it out"
        )
    return torch.device(asked)


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was given: before and after what is timed."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
