"""What is learned on disk: a folder of ``config.json`` and ``model.safetensors``; see ``docs/formats.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from search_spaces import DamagedFile, WeightloomError, files

SCHEMA = 1
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
REMEDY = "restore the folder or save the generator again"
_KEYS = {"schema", "kind", "weightloom", "weights", "checksum"}


def write_folder(folder: Path, kind: str, content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
    """Write ``content`` and ``tensors`` into ``folder`` (made if missing) and return it.

    Each file is replaced atomically, ``config.json`` last; it holds the checksum of the weights, so that a
    folder whose writing was cut off between the two is recognised as damaged.
    """
    data = save(dict(tensors))
    document = {
        "schema": SCHEMA,
        "kind": kind,
        "weightloom": library_version(),
        **content,
        "weights": {"file": WEIGHTS_FILE, "sha256": hashlib.sha256(data).hexdigest()},
    }
    files.write_bytes(folder / WEIGHTS_FILE, data)
    files.write_json(folder / CONFIG_FILE, {**document, "checksum": hashlib.sha256(canonical(document)).hexdigest()})
    return folder


def read_folder(folder: Path, kind: str, keys: Collection[str]) -> tuple[dict[str, Any], bytes]:
    """The document, whose own keys are ``keys``, and the bytes of the tensors.

    Raises:
        WeightloomError: there is no such folder or file.
        DamagedFile: a file is truncated, altered, of another kind or schema, or the two do not belong together.
    """
    path, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    document = files.read_json(path, remedy="name the folder of one saved generator, such as RUN/generators/trial-001")
    _check_document(document, kind, {*keys, *_KEYS}, path)
    data = files.read_bytes(weights, "safetensors file", REMEDY)
    got = hashlib.sha256(data).hexdigest()
    if got != document["weights"]["sha256"]:
        raise DamagedFile(
            f"{weights}: expected sha256 {document['weights']['sha256'][:12]}…, got {got[:12]}…; {REMEDY}"
        )
    return document, data


def check_room(module: nn.Module, data: bytes) -> None:
    """Check that a module, made on the meta device, has no more parameters than a file can hold.

    Raises:
        WeightloomError: it has; the file would never fill it.
    """
    wanted = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    if wanted > len(data):
        raise WeightloomError(f"settings of {wanted} bytes of parameters for tensors of {len(data)}")


def digest_of(facts: Any, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over facts that JSON can write and tensors on the CPU."""
    sha = hashlib.sha256(canonical(facts))
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, whole and apart from each other: safetensors refuses tensors that share memory."""
    whole = torch.contiguous_format
    return {k: v.detach().cpu().clone(memory_format=whole) for k, v in tensors.items()}


def canonical(value: Any) -> bytes:
    """JSON in which equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def library_version() -> str:
    """The installed version of weightloom; ``0`` in a tree that was never installed."""
    try:
        return version("weightloom")
    except PackageNotFoundError:
        return "0"


def _check_document(document: Any, kind: str, keys: set[str], path: Path) -> None:
    if not isinstance(document, dict) or document.get("kind") != kind:
        got = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise DamagedFile(f"{path}: expected an object of kind {kind!r}, got {got!r}; {REMEDY}")
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise DamagedFile(
            f"{path}: expected schema {SCHEMA}, got {schema!r}; read it with the weightloom that wrote it "
            f"({document.get('weightloom')!r})"
        )
    body = {key: value for key, value in document.items() if key != "checksum"}
    weights = document.get("weights")
    if set(document) != keys or document["checksum"] != hashlib.sha256(canonical(body)).hexdigest():
        raise DamagedFile(
            f"{path}: expected keys {', '.join(sorted(keys))} whose content matches the checksum, got an "
            f"altered file; {REMEDY}; settings are changed by making a new generator"
        )
    if not isinstance(weights, dict) or not isinstance(weights.get("sha256"), str):
        raise DamagedFile(f"{path}: expected the checksum of {WEIGHTS_FILE} under 'weights'; {REMEDY}")
