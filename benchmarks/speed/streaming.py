"""A transformer of a billion parameters into sharded safetensors: ``python -m benchmarks.speed.streaming``.

A decoder on the meta device (embedding, 24 layers of width 1,792, head), emitted by ``mlp`` with a rank and wide
tokens. Beside it, on the same disk and of the same size, zeros written the same way: as many bytes at once, flushed to
the disk at the end of each shard. Wall time, since a disk is waited for, and processor time. Then one shard is taken
away and the stream goes on; the bytes must be the same. Everything is deleted at the end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.speed.measuring import MIB, one_thread, peak_memory, peak_reset, record
from generators.registry import make_generator
from search_spaces import Blueprint, files
from workbench.export.sharded import SHARD, stream_network

SETTINGS = {"token_width": 1792, "d": 32, "hidden": 32, "layers": 1, "rank": 16, "latent": 16}
WRITTEN_AT_ONCE = 8 * MIB


class Decoder(nn.Module):
    """Shapes of a language model; never run."""

    def __init__(self, width: int, layers: int, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, width // 64, 4 * width, batch_first=True) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, words, bias=False)


def target(layers: int) -> Blueprint:
    with torch.device("meta"):
        return Blueprint.of_module(Decoder(1792, layers, 32_000))


def write_zeros(folder: Path, total: int) -> float:
    """Seconds of wall time for the same bytes without anything to compute."""
    block = bytes(WRITTEN_AT_ONCE)
    start = time.perf_counter()
    left, number = total, 0
    while left:
        here = min(left, SHARD)
        with files.writing(folder / f"zeros-{number}") as stream:
            rest = here
            while rest:
                rest -= stream.write(block[: min(rest, len(block))])
        left, number = left - here, number + 1
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def emitted(folder: Path, layers: int) -> dict[str, float]:
    """Seconds and memory of one stream."""
    torch.manual_seed(0)
    generator = make_generator("mlp", SETTINGS)
    peak_reset()
    start, used = time.perf_counter(), time.process_time()
    blueprint = target(layers)
    ready = time.perf_counter() - start
    start = time.perf_counter()
    stream_network(generator, blueprint, 0, folder)
    return {
        "parameters": blueprint.parameter_count,
        "blueprint_seconds": ready,
        "wall_seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - used,
        "peak_mib": peak_memory(),
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write ``benchmarks/results/speed-streaming.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="where there is room; by default a temporary one")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    one_thread()
    if options.alone:
        print(files.write_json(options.folder.with_suffix(".json"), emitted(options.folder, options.layers)))
        return
    size = 4 * target(options.layers).parameter_count
    turns: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        place = Path(name) / "stream"
        for turn in range(options.turns):
            shutil.rmtree(place, ignore_errors=True)
            zeros = write_zeros(Path(name) / "zeros", size)
            own = [sys.executable, "-m", "benchmarks.speed.streaming", "--alone", "--layers", str(options.layers)]
            subprocess.run([*own, "--folder", str(place)], check=True, stdout=subprocess.DEVNULL)  # memory of its own
            found = {**files.read_json(place.with_suffix(".json")), "zeros_seconds": zeros}
            found["share_of_the_disk"] = zeros / found["wall_seconds"]
            turns.append(found)
            print({key: round(value, 3) for key, value in found.items()}, flush=True)
            sums = {path.name: files.sha256(path) for path in sorted(place.iterdir())}
            if turn == 0:
                first = sums
                shard = sorted(place.glob("*.safetensors"))[1]
                shard.unlink()
                subprocess.run([*own, "--folder", str(place)], check=True, stdout=subprocess.DEVNULL)
                again = files.read_json(place.with_suffix(".json"))["wall_seconds"]
                resumed = {"seconds": again, "equal": files.sha256(shard) == sums[shard.name]}
    record(
        "streaming",
        {"bytes": size, "turns": turns, "resumed": resumed, "equal_bytes": sums == first, "settings": SETTINGS},
    )


if __name__ == "__main__":
    main()
