"""The most memory that was in use for a while, of this process or of a CUDA device."""

from __future__ import annotations

from pathlib import Path

import torch

STATUS, MARK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def watch_peak(device: torch.device) -> None:
    """Begin anew: with what is resident now (Linux: ``man 5 proc``, clear_refs), or what a CUDA device's tensors take.

    Raises:
        OSError: the system does not count it.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        MARK.write_text("5")


def peak_bytes(device: torch.device) -> int:
    """Most bytes since ``watch_peak``: resident ones, torch itself among them, or those of a CUDA device's tensors.

    Raises:
        OSError: the system does not count it.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{STATUS}: no line VmHWM")
