"""Turns of several calls in one run, their ratios, and the most memory that each needed."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.parts import RESULTS
from search_spaces import Blueprint
from search_spaces.files import write_json
from workbench.execution import give_back, peak_bytes, settle, wait_for, watch_peak

MIB = 2**20
PROCESSOR = torch.device("cpu")
Call = Callable[[], object]


def one_thread() -> None:
    """As every benchmark here is run; memory and denormals as weightloom's own runs have them."""
    torch.set_num_threads(1)
    settle()


def clock_of(device: torch.device) -> Callable[[], float]:
    """Processor seconds, since others may use the machine; of another device wall time, when its work is done."""

    def now() -> float:
        wait_for(device)
        return time.perf_counter()

    return time.process_time if device.type == "cpu" else now


def peak_reset(device: torch.device = PROCESSOR) -> None:
    """Begin to watch the peak of memory anew, without what earlier calls freed."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    else:
        give_back()
    watch_peak(device)


def peak_memory(device: torch.device = PROCESSOR) -> float:
    """MiB at most since ``peak_reset``: resident ones, torch itself among them, or those of the device's tensors."""
    return peak_bytes(device) / MIB


def multiplications(blueprint: Blueprint) -> int:
    """Of a dense network's matrix products for one example."""
    return sum(math.prod(spec.shape) for spec in blueprint.parameters if len(spec.shape) == 2)


def spread(values: np.ndarray) -> dict[str, float]:
    """Least, median and greatest."""
    return {"min": float(values.min()), "median": float(np.median(values)), "max": float(values.max())}


def in_turns(
    calls: Mapping[str, tuple[Call, float]],
    turns: int,
    *,
    device: torch.device = PROCESSOR,
    clock: Callable[[], float] | None = None,
) -> dict[str, dict[str, Any]]:
    """Seconds of each call in turn, A B C A B C, divided by how many things it does; ratios to the first, turn by turn.

    Args:
        calls: by name what to call and how many things that does; the first is what the others are compared with.
        turns: that count, after one that does not: it warms caches and shows the memory, which is given back before
            each call, so that its time would be that of filling pages anew.
        device: that does the work.
        clock: by default the device's, see ``clock_of``; wall time where a disk is waited for.
    """
    clock = clock or clock_of(device)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    memory: dict[str, float] = dict.fromkeys(calls, 0.0)
    for turn in range(turns + 1):
        for name, (call, things) in calls.items():
            if not turn:
                peak_reset(device)
            start = clock()
            call()
            passed = (clock() - start) / things
            if turn:
                seconds[name].append(passed)
            else:
                memory[name] = peak_memory(device)
    first = np.array(seconds[next(iter(calls))])
    return {
        name: {
            "seconds": spread(np.array(own)),
            "ratio": spread(np.array(own) / first),
            "ratio_of_minima": min(own) / float(first.min()),
            "peak_mib": round(memory[name], 1),
        }
        for name, own in seconds.items()
    }


def slope(sizes: list[float], seconds: list[float]) -> float:
    """Of the straight line through logarithms of both."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def record(name: str, content: Mapping[str, Any], device: torch.device = PROCESSOR) -> None:
    """Write ``benchmarks/results/speed-NAME.json`` (of another device ``speed-NAME-cuda.json``), and the page anew."""
    from benchmarks.speed.page import write_page

    head = {
        "threads": torch.get_num_threads(),
        "trimmed": True,  # the memory of each row is its own
        "torch": torch.__version__,
        "machine": platform.machine() if device.type == "cpu" else torch.cuda.get_device_name(device),
        "load": list(os.getloadavg()),  # of the machine at the end: how busy others kept it
    }
    place = name if device.type == "cpu" else f"{name}-{device.type}"
    print(f"written to {write_json(RESULTS / f'speed-{place}.json', {**head, **content})}")
    write_page()
