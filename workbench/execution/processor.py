"""How this process uses its processor: two settings worth a factor each where networks are many and small."""

from __future__ import annotations

import ctypes
import sys

import torch

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt`` (``malloc.h``)."""
KEPT = 2**30
"""Bytes that may stay with the process."""


def settle() -> None:
    """Flush denormal numbers, in this thread, and let the process keep memory that it frees.

    Denormals slow training on a CPU several times. And an array of some megabytes is else taken from the system and
    given back at every operation: filling its pages in anew was measured to cost as much as the operation itself.
    Without glibc only the first is done.
    """
    torch.set_flush_denormal(True)
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, KEPT)
        mallopt(TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """Return to the system what was freed and kept: after long work whose memory the next does not need.

    Between short-lived arrays lie some that stay, so that what is kept would grow all the time. Without glibc nothing
    is done.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
