"""Files taken apart and put together again, with checksums that fit: a hostile file is not one that merely broke."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from generators.folders import canonical

Files = Mapping[str, bytes]
_SUM = re.compile(rb'(checksum\\":\\")[0-9a-f]{64}(\\")')


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """A safetensors file: header, with the JSON in its metadata taken out of its string, and what follows."""

    header: Any
    metadata: Any
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> Tensors:
        """Take one apart."""
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        text = header.pop("__metadata__", {}).get("weightloom")
        return cls(header=header, metadata=None if text is None else json.loads(text), body=data[8 + size :])

    def bytes(self) -> bytes:
        """Put it together."""
        header = self.header
        if self.metadata is not None and isinstance(header, dict):
            text = json.dumps(self.metadata, sort_keys=True, separators=(",", ":"))
            header = {"__metadata__": {"weightloom": text}, **header}
        return framed(json.dumps(header, separators=(",", ":")).encode(), self.body)


def framed(header: bytes, body: bytes, size: int | None = None) -> bytes:
    """A safetensors file from its pieces; ``size`` is what it says of the length of the header."""
    return (len(header) if size is None else size).to_bytes(8, "little") + header + body


def taken(files: Files) -> dict[str, Any]:
    """Parts by path: JSON as values, safetensors as `Tensors`, all others as bytes."""
    found: dict[str, Any] = {}
    for path, data in files.items():
        if path.endswith(".json"):
            found[path] = json.loads(data)
        elif path.endswith(".jsonl"):
            found[path] = [json.loads(line) for line in data.splitlines()]
        elif path.endswith(".safetensors"):
            found[path] = Tensors.of(data)
        elif path == "checkpoint":
            found[path] = Tensors.of(data[64:])
        else:
            found[path] = data
    return found


def put(parts: Mapping[str, Any]) -> dict[str, bytes]:
    """The files, with checksums made anew."""
    files = {path: _written(part) for path, part in parts.items()}
    for seal in SEALS:
        seal(files, parts)
    return files


def _written(part: Any) -> bytes:
    if isinstance(part, bytes):
        return part
    return part.bytes() if isinstance(part, Tensors) else json.dumps(part).encode()


def _network(files: dict[str, bytes], parts: Mapping[str, Any]) -> None:
    """The checksum in the metadata is that of the file with zeros in its place."""
    if "network.safetensors" in files:
        zeros = _SUM.sub(rb"\g<1>" + b"0" * 64 + rb"\g<2>", files["network.safetensors"])
        digest = hashlib.sha256(zeros).hexdigest().encode()
        files["network.safetensors"] = _SUM.sub(rb"\g<1>" + digest + rb"\g<2>", zeros)


def _folder(files: dict[str, bytes], parts: Mapping[str, Any]) -> None:
    """``config.json`` holds the checksum of the weights, and its own."""
    config = parts.get("config.json")
    if isinstance(config, dict) and "model.safetensors" in files:
        body = {key: value for key, value in config.items() if key != "checksum"}
        if isinstance(body.get("weights"), dict):
            body["weights"] = {**body["weights"], "sha256": hashlib.sha256(files["model.safetensors"]).hexdigest()}
        checksum = hashlib.sha256(canonical(body)).hexdigest()
        files["config.json"] = json.dumps({**body, "checksum": checksum}).encode()


def _zoo(files: dict[str, bytes], parts: Mapping[str, Any]) -> None:
    """``zoo.json`` holds the checksum of the networks."""
    for path, part in parts.items():
        if path.endswith("zoo.json") and isinstance(part, dict):
            data = files[path.replace("zoo.json", "networks.safetensors")]
            files[path] = json.dumps({**part, "sha256": hashlib.sha256(data).hexdigest()}).encode()


def _checkpoint(files: dict[str, bytes], parts: Mapping[str, Any]) -> None:
    """The checksum stands before all else."""
    if "checkpoint" in files:
        files["checkpoint"] = hashlib.sha256(files["checkpoint"]).hexdigest().encode() + files["checkpoint"]


def _ledger(files: dict[str, bytes], parts: Mapping[str, Any]) -> None:
    """Every line of a log holds the hash of the one before it, and its own."""
    for path, part in parts.items():
        if path.endswith(".jsonl") and isinstance(part, list):
            previous, lines = "0" * 64, []
            for number, line in enumerate(part, 1):
                if isinstance(line, dict):
                    body = {**line, "line": number, "previous": previous}
                    body.pop("hash", None)
                    previous = hashlib.sha256(canonical(body)).hexdigest()
                    line = {**body, "hash": previous}
                lines.append(json.dumps(line).encode() + b"\n")
            files[path] = b"".join(lines)


SEALS = (_network, _folder, _zoo, _checkpoint, _ledger)


def with_part(parts: Mapping[str, Any], path: str, **changes: Any) -> dict[str, Any]:
    """The same with one `Tensors` changed."""
    return {**parts, path: replace(parts[path], **changes)}
