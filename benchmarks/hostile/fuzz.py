"""Files drawn by hypothesis: sound ones with values replaced, keys taken out or doubled, or bytes changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import strategies as st

from benchmarks.hostile.parts import Files, Tensors, put, taken

WORDS = ("", "../x", "/etc/passwd", "<script>", "\x1b[2J", "\0", "x" * 3000, "planted.module:Class", "__class__", "nan",
         "mlp", "dense", "relu", "none", "skip", "input", "output", "\u202e", "٣", "True", "1e9")  # fmt: skip
NUMBERS = (0, 1, -1, 2, 3, 7, 64, 2**16, 2**20, 2**31, 2**53, 2**62, 2**63, 10**30, 0.5, -0.0, 1e-308, 1e308, 1e-9,
           float("nan"), float("inf"))  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [1, 2, 3], [0] * 1000, {"x": {"y": 1}}, [None], ["a", "a"])
LEAVES = st.sampled_from(WORDS) | st.sampled_from(NUMBERS) | st.sampled_from(OTHERS).map(deepcopy) | st.text(max_size=8)


@st.composite
def cases(draw: st.DrawFn, sound: Files) -> dict[str, bytes]:
    """Hostile files from sound ones, checksums made anew so that they are read to their end.

    Args:
        draw: of hypothesis.
        sound: by path.
    """
    parts = taken(sound)
    path = draw(st.sampled_from(sorted(parts)))
    if draw(st.integers(0, 5)) == 0:
        return {**sound, path: draw(_bytes(sound[path]))}
    part = parts[path]
    if isinstance(part, bytes) and path.endswith(".yaml"):
        content = draw(_value(yaml.safe_load(part)))
        changed: Any = json.dumps(content).encode() if draw(st.booleans()) else yaml.safe_dump(content).encode()
    elif isinstance(part, bytes):
        changed = draw(_bytes(part))
    elif isinstance(part, Tensors):
        changed = draw(_tensors(part))
    else:
        changed = draw(_value(part))
    return put({**parts, path: changed})


@st.composite
def _tensors(draw: st.DrawFn, part: Tensors) -> Tensors:
    which = draw(st.sampled_from(["header", "metadata", "body"]))
    if which == "body":
        return replace(part, body=draw(_bytes(part.body)))
    if which == "metadata" and part.metadata is not None:
        return replace(part, metadata=draw(_value(part.metadata)))
    return replace(part, header=draw(_value(part.header)))


@st.composite
def _value(draw: st.DrawFn, value: Any) -> Any:
    """One to three changes somewhere in a value."""
    changed = deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(changed))
        if not places:
            return draw(LEAVES)
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        what = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add", "wrap", "swap", "scale"]))
        old = holder[key]
        if what == "remove":
            del holder[key]
        elif what == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS) | st.text(max_size=5))] = draw(LEAVES)
        elif what == "add":
            holder.insert(key, deepcopy(old))
        elif what == "wrap":
            holder[key] = draw(st.sampled_from([[old], {"x": old}, str(old)]))
        elif what == "swap":
            other, name = places[draw(st.integers(0, len(places) - 1))]
            holder[key] = deepcopy(other[name])
        elif what == "scale" and isinstance(old, int | float):
            holder[key] = old * draw(st.sampled_from([-1, 2, 10, 1000, 10**9]))
        else:
            holder[key] = draw(LEAVES)
    return changed


def _places(value: Any) -> Any:
    """Every (container, key) in a value."""
    keys: Any = value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@st.composite
def _bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, flipped, filled, doubled or put in between."""
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.sampled_from([1, 2, 4, 8, 64, 1000])))
    what = draw(st.sampled_from(["cut", "flip", "fill", "double", "insert", "other"]))
    middle = {
        "cut": b"",
        "flip": bytes(byte ^ 255 for byte in data[start:end]),
        "fill": b"\xff" * (end - start),
        "double": data[start:end] * 2,
        "insert": data[start:end] + draw(st.binary(max_size=16)),
        "other": draw(st.binary(min_size=end - start, max_size=end - start)) if end - start <= 64 else b"\0" * 64,
    }[what]
    return data[:start] + middle + (b"" if what == "cut" and end == len(data) else data[end:])
