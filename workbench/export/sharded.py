"""A network of any size as sharded safetensors, written while it is emitted: never more than a window is in memory.

The files are those of other libraries: ``model-00001-of-00003.safetensors`` and so on, and an index that says which
tensor lies where (``model.safetensors.index.json``). A shard appears under its name only when it is whole, so that a
stream that was stopped goes on with the first shard that is missing.
"""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from generators.generator import Generator
from generators.saving import generator_digest, library_version
from generators.streaming import RowEmitter, Streamed, pieces
from generators.token_groups import TokenGroup, token_groups
from search_spaces import Blueprint, WeightloomError, files

SHARD = 2**30
"""Bytes of a shard, unless the parameters of one layer are more."""
INDEX = "model.safetensors.index.json"
KEY = "weightloom"
SCHEMA = 1
NUMBER = 4
"""Bytes of a 32-bit float, the only type that is written."""
FLUSH = 2**26
"""Bytes after which they are sent to the disk."""
AHEAD = 4
"""Pieces that may wait to be written."""


def stream_network(
    generator: Generator,
    blueprint: Blueprint,
    seed: int,
    folder: str | Path,
    *,
    shard_bytes: int = SHARD,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Emit one dense network into ``folder``; returns the path of the index.

    Equal generators, blueprints and seeds give equal bytes on one machine. Shards of an earlier call with the same
    arguments are left as they are.

    Args:
        generator: of a family that can (`generators.streaming.Streamed`), such as ``mlp``.
        blueprint: from an architecture, or from any module on the meta device (``Blueprint.of_module``).
        seed: of the latent.
        folder: for the files; made if it is missing.
        shard_bytes: at most so many in one file, unless the parameters of one layer are more.
        progress: called with the numbers of bytes written since the last call, shards that were there among them.

    Raises:
        WeightloomError: the family cannot, the folder holds shards of another network, or cannot be written.
    """
    if not isinstance(generator, Streamed):
        raise WeightloomError(
            f"stream: expected a family whose tokens do not read each other, such as mlp, got {generator.name!r}; "
            "generate the network as a whole"
        )
    if shard_bytes < 1:
        raise WeightloomError(f"stream: expected shards of at least 1 byte, got {shard_bytes}")
    folder = Path(folder)
    shards = _shards(token_groups(blueprint, generator.tokenizer.width), shard_bytes)
    told = progress or (lambda count: None)
    origin = {
        "schema": SCHEMA,
        "generator": generator_digest(generator),
        "seed": seed,
        "architecture": blueprint.key,
        "parameters": blueprint.parameter_count,
        "library": library_version(),
    }
    emitter = generator.opened(blueprint, seed)
    where: dict[str, str] = {}
    for number, groups in enumerate(shards, start=1):
        path = folder / f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        _write_shard(path, groups, emitter, {**origin, "shard": number, "shards": len(shards)}, told)
        where |= {spec.name: path.name for group in groups for spec in group.specs}
    index = {"metadata": {"total_size": NUMBER * blueprint.parameter_count, **origin}, "weight_map": where}
    return files.write_json(folder / INDEX, index)


def _shards(groups: Sequence[TokenGroup], most: int) -> list[list[TokenGroup]]:
    shards: list[list[TokenGroup]] = []
    room = 0
    for group in groups:
        size = sum(_size(spec.shape) for spec in group.specs)
        if not shards or size > room:
            shards.append([])
            room = most
        shards[-1].append(group)
        room -= size
    return shards


def _size(shape: Sequence[int]) -> int:
    return NUMBER * math.prod(shape)


def _write_shard(
    path: Path,
    groups: Sequence[TokenGroup],
    emitter: RowEmitter,
    origin: Mapping[str, Any],
    progress: Callable[[int], None],
) -> None:
    """One file, atomically; nothing is done if it is there."""
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(origin, sort_keys=True)}}
    end = 0
    for spec in (spec for group in groups for spec in group.specs):
        begin, end = end, end + _size(spec.shape)
        header[spec.name] = {"dtype": "F32", "shape": list(spec.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    head = len(text).to_bytes(8, "little") + text
    if path.exists():
        with open(path, "rb") as stream:
            if stream.read(len(head)) != head or path.stat().st_size != len(head) + end:
                raise WeightloomError(
                    f"{path}: expected shard {origin['shard']} of the network of seed {origin['seed']}, got a file of "
                    "another generator, architecture, seed or size of shards; choose another folder"
                )
        progress(end)
        return
    with files.writing(path) as stream, ThreadPoolExecutor(max_workers=1) as writer:  # written while more is emitted
        stream.write(head)
        waiting: deque[Future[None]] = deque()
        unsafe = 0
        for group in groups:
            for spec, start, values in pieces(emitter, group):
                begin = header[spec.name]["data_offsets"][0] + start * _size(spec.shape[1:])
                unsafe += NUMBER * values.numel()
                flush = unsafe >= FLUSH
                unsafe = 0 if flush else unsafe
                waiting.append(writer.submit(_put, stream, len(head) + begin, values, flush))
                if len(waiting) > AHEAD:
                    waiting.popleft().result()
                progress(NUMBER * values.numel())
        for one in waiting:
            one.result()


def _put(stream: BinaryIO, place: int, values: Tensor, flush: bool) -> None:
    stream.seek(place)
    stream.write(values.numpy().data)
    if flush:  # so that the disk works while more is emitted, and not only at the end
        stream.flush()
        os.fsync(stream.fileno())
