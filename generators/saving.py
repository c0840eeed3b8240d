"""Generators on disk: a folder of ``config.json`` and ``model.safetensors``; see ``docs/formats.md``."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from generators.generator import Fitted, Generator
from generators.registry import GENERATORS, make_generator
from search_spaces import DamagedFile, UnknownName, WeightloomError, files

SCHEMA = 1
KIND = "weightloom-generator"
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_REMEDY = "restore the folder or save the generator again"
_KEYS = {"schema", "kind", "name", "weightloom", "config", "architectures", "weights", "checksum"}


class _Fitted(Protocol):
    """What a fitted generator offers instead of a state dict."""

    def export_state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]: ...

    def import_state(self, tensors: dict[str, Tensor], architectures: list[dict[str, Any]]) -> None: ...


def save_pretrained(generator: Generator, folder: str | Path) -> Path:
    """Write a generator into ``folder`` (made if missing) and return it.

    Each file is replaced atomically, ``config.json`` last; it holds the checksum of the weights, so that a
    folder whose writing was cut off between the two is recognised as damaged.

    Raises:
        UnknownName: the generator's name is not registered, so that nobody could read the folder.
        WeightloomError: another class is registered under its name, or the folder cannot be written.
    """
    registered = GENERATORS.load(generator.name)
    if registered is not type(generator):
        raise WeightloomError(
            f"generator {generator.name!r}: expected the registered {registered.__qualname__}, got "
            f"{type(generator).__qualname__}; register it under a name of its own in {GENERATORS.group}"
        )
    tensors, architectures = _state(generator)
    data = save(tensors)
    document = {
        "schema": SCHEMA,
        "kind": KIND,
        "name": generator.name,
        "weightloom": library_version(),
        "config": _settings(generator),
        "architectures": architectures,
        "weights": {"file": WEIGHTS_FILE, "sha256": hashlib.sha256(data).hexdigest()},
    }
    folder = Path(folder)
    files.write_bytes(folder / WEIGHTS_FILE, data)
    files.write_json(folder / CONFIG_FILE, {**document, "checksum": _checksum(document)})
    return folder


def from_pretrained(folder: str | Path) -> Generator:
    """Read what `save_pretrained` wrote; the generator is in evaluation mode, on the CPU.

    Raises:
        WeightloomError: there is no such folder or file.
        DamagedFile: a file is truncated, altered, of another schema, or the two do not belong together.
        UnknownName: no generator of that name is installed.
    """
    path, weights = Path(folder) / CONFIG_FILE, Path(folder) / WEIGHTS_FILE
    document = files.read_json(path, remedy="name a folder that save_pretrained wrote")
    _check_document(document, path)
    data = files.read_bytes(weights, "safetensors file", _REMEDY)
    got = hashlib.sha256(data).hexdigest()
    if got != document["weights"]["sha256"]:
        raise DamagedFile(
            f"{weights}: expected sha256 {document['weights']['sha256'][:12]}…, got {got[:12]}…; {_REMEDY}"
        )
    try:
        with torch.random.fork_rng(devices=[]):  # the fresh weights, overwritten below, are drawn at random
            generator = make_generator(document["name"], document["config"])
    except UnknownName:
        raise
    except WeightloomError as error:
        raise DamagedFile(f"{path}: {error}; {_REMEDY}") from error
    try:
        tensors = load(data)
        if isinstance(generator, Fitted):
            cast(_Fitted, generator).import_state(tensors, document["architectures"])
        else:
            generator.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError, WeightloomError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DamagedFile(
            f"{weights}: expected the tensors of generator {generator.name!r} as {CONFIG_FILE} describes it, "
            f"got {reason}; {_REMEDY}"
        ) from error
    return generator.eval()


def generator_digest(generator: Generator) -> str:
    """SHA-256 over name, config and tensors: equal for two generators that emit the same networks."""
    tensors, architectures = _state(generator)
    sha = hashlib.sha256(_canonical([generator.name, _settings(generator), architectures]).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def library_version() -> str:
    """The installed version of weightloom; ``0`` in a tree that was never installed."""
    try:
        return version("weightloom")
    except PackageNotFoundError:
        return "0"


def _state(generator: Generator) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    if isinstance(generator, Fitted):
        tensors, architectures = cast(_Fitted, generator).export_state()
    else:
        tensors, architectures = generator.state_dict(), []
    # cloned, because safetensors refuses tensors that share memory
    whole = torch.contiguous_format
    return {k: v.detach().cpu().clone(memory_format=whole) for k, v in tensors.items()}, architectures


def _settings(generator: Generator) -> dict[str, Any]:
    return generator.config.model_dump(mode="json")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


def _check_document(document: Any, path: Path) -> None:
    if not isinstance(document, dict) or document.get("kind") != KIND:
        got = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise DamagedFile(f"{path}: expected an object of kind {KIND!r}, got {got!r}; {_REMEDY}")
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise DamagedFile(
            f"{path}: expected schema {SCHEMA}, got {schema!r}; read it with the weightloom that wrote it "
            f"({document.get('weightloom')!r})"
        )
    body = {key: value for key, value in document.items() if key != "checksum"}
    if set(document) != _KEYS or document["checksum"] != _checksum(body):
        raise DamagedFile(
            f"{path}: expected keys {', '.join(sorted(_KEYS))} whose content matches the checksum, got an "
            f"altered file; {_REMEDY}; settings are changed by making a new generator"
        )
