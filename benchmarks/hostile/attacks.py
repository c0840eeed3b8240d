"""Files planted by hand: what a malicious person would try, for every kind of file."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.hostile import learned, told
from benchmarks.hostile.learned import TEXT
from benchmarks.hostile.parts import Files, Tensors, framed, put, taken

DEEP = 100_000
HUGE = 2**60
MERGED = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12))]
)
LAUGHS = "\n".join(["a0: &a0 ha", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))])
TEXTS = {
    "nothing": b"",
    "zeros": b"\0" * 1000,
    "no UTF-8": b"\xff\xfe\x80",
    "half a surrogate pair": b'{"schema": 1, "name": "\\ud800"}',
    "lists nested deep": b"[" * DEEP + b"]" * DEEP,
    "objects nested deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "key nested deep": b'{"schema": 1, "space": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a key twice": b'{"schema": 1, "schema": 1, "max_depth": 1, "max_depth": 2}',
    "a number of many digits": b'{"max_depth": ' + b"9" * 5000 + b', "schema": ' + b"9" * 5000 + b"}",
    "numbers that are none": b'{"schema": NaN, "max_depth": Infinity}',
    "a number beyond floats": b'{"schema": 1e999, "max_depth": 1e999}',
    "laughs": LAUGHS.encode(),
    "merged laughs": MERGED.encode(),
    "an alias of itself": b"a: &a [*a]",
    "a Python object": b"!!python/object/apply:os.system ['touch planted']",
    "a date that cannot be": b"max_depth: 2001-99-99",
    "a number to the base of sixty": b"max_depth: 1" + b":59" * 20_000,
    "a long line": b"a" * 300_000,
    "escapes": b"\x1b]0;owned\x07: 1",
}
"""For files that are JSON or YAML, instead of all that is in them."""


OWN: dict[str, Callable[[Mapping[str, Any]], learned.Planted]] = {
    "architecture": learned.architecture,
    "network": learned.network,
    **dict.fromkeys(
        ("generator", "diffusion generator", "baseline", "own generator", "topology generator"), learned.config
    ),
    "hub folder": learned.hub,
    "origin": learned.origin,
    "zoo": learned.zoo,
    "checkpoint": learned.checkpoint,
    "summary": told.summary,
    **dict.fromkeys(("table", "packed table", "own table"), told.table),
    "images": told.images,
    "own arrays": told.arrays,
    "own pictures": told.pictures,
    "study": told.study,
    "ledger": told.ledger,
    **dict.fromkeys(("sweep settings", "bench settings"), told.settings),
}
"""What only one kind of file may hold."""


class Payload:
    """Pickled, it writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (open, (str(self.marker), "w"))


def pickles(marker: Path) -> dict[str, bytes]:
    """A pickle that writes a file, bare, in a zip as torch writes it, and packed."""
    bare = pickle.dumps(Payload(marker))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", bare)
        archive.writestr("../../../../tmp/planted", bare)
    return {"a pickle": bare, "a pickle in a zip": packed.getvalue(), "a packed pickle": gzip.compress(bare)}


def planted(reader: str, sound: Files, marker: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What was done, and the files, for one reader.

    Args:
        reader: name of it.
        sound: its sound files.
        marker: file that a payload would write.
    """
    parts = taken(sound)
    for path, data in sound.items():
        for name, content in pickles(marker).items():
            yield f"{name} as {path}", {**sound, path: content}
        yield f"{path} cut off", {**sound, path: data[: len(data) // 2]}
        yield f"a zip bomb as {path}", {**sound, path: told.bomb()}
        if path.endswith((".json", ".yaml", ".txt", ".csv")):
            for name, text in TEXTS.items():
                yield f"{name} as {path}", {**sound, path: text}
        if isinstance(parts[path], Tensors):
            for name, changed in _tensors(parts[path]):
                yield f"{name} in {path}", put({**parts, path: changed})
    if reader in OWN:
        for name, own in OWN[reader](parts):
            yield name, put(own)


def _tensors(part: Tensors) -> Iterator[tuple[str, Tensors | bytes]]:
    """Of any safetensors file."""
    header, body = part.header, part.body
    good = part.bytes()
    size = int.from_bytes(good[:8], "little")
    first = next(name for name in header if header[name]["dtype"] == "F32")
    spec = header[first]
    start, end = spec["data_offsets"]
    yield "a header longer than all memory", framed(good[8 : 8 + size], body, HUGE)
    yield "a header longer than the file", framed(good[8 : 8 + size], body, len(good))
    yield "a header nested deep", framed(b"[" * DEEP + b"]" * DEEP, body)
    yield "a header that is a list", framed(b"[]", body)
    yield (
        "a huge shape",
        part.__class__(header={**header, first: {**spec, "shape": [HUGE, 8]}}, metadata=part.metadata, body=body),
    )
    changes: dict[str, dict[str, Any]] = {
        "a huge shape of nothing": {"shape": [0, HUGE, HUGE], "data_offsets": [0, 0]},
        "a negative side": {"shape": [-1]},
        "a side that is no number": {"shape": ["8"]},
        "no shape": {"shape": None},
        "a type of objects": {"dtype": "O"},
        "a type of four bits": {"dtype": "F4"},
        "whole numbers": {"dtype": "I32"},
        "other halves": {"dtype": "F16", "shape": [2 * (end - start) // 4]},
        "offsets beyond the end": {"data_offsets": [start, HUGE]},
        "offsets the wrong way round": {"data_offsets": [end, start]},
        "negative offsets": {"data_offsets": [-8, end]},
        "no offsets": {"data_offsets": []},
        "one axis": {"shape": [(end - start) // 4]},
    }
    for name, change in changes.items():
        yield name, Tensors(header={**header, first: {**spec, **change}}, metadata=part.metadata, body=body)
    if end > start:
        for name, number in (("NaN", b"\0\0\xc0\x7f"), ("infinity", b"\0\0\x80\x7f"), ("1e38", b"\x99v\x96~")):
            filled = body[:start] + number * ((end - start) // 4) + body[end:]
            yield name, Tensors(header=header, metadata=part.metadata, body=filled)
    others = {name: spec for name, spec in header.items() if name != first}
    yield "a tensor missing", Tensors(header=others, metadata=part.metadata, body=body)
    for extra in (TEXT, "weights.__class__.__init__", "x" * 100_000, "\x1b[2J", "scales.__reduce__"):
        added = {**header, extra: {"dtype": "F32", "shape": [0], "data_offsets": [len(body), len(body)]}}
        yield f"a tensor named {extra[:20]!r}", Tensors(header=added, metadata=part.metadata, body=body)
    many = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)}
    yield "many empty tensors", Tensors(header={**header, **many}, metadata=part.metadata, body=body)
