"""Generators on disk: a folder of ``config.json`` and ``model.safetensors``; see ``docs/formats.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from generators.folders import (
    CONFIG_FILE,
    REMEDY,
    WEIGHTS_FILE,
    check_room,
    digest_of,
    library_version,
    plain,
    read_folder,
    write_folder,
)
from generators.generator import Fitted, Generator
from generators.registry import GENERATORS, make_generator
from generators.tensor_files import check_finite, read_tensors
from search_spaces import DamagedFile, UnknownName, WeightloomError
from search_spaces.errors import in_one_line

__all__ = ["from_pretrained", "generator_digest", "library_version", "save_pretrained"]

KIND = "weightloom-generator"


class _Fitted(Protocol):
    """What a fitted generator offers instead of a state dict."""

    def export_state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]: ...

    def import_state(self, tensors: dict[str, Tensor], architectures: list[dict[str, Any]]) -> None: ...


def save_pretrained(generator: Generator, folder: str | Path) -> Path:
    """Write a generator into ``folder`` (made if missing), see `write_folder`, and return it.

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
    content = {"name": generator.name, "config": _settings(generator), "architectures": architectures}
    return write_folder(Path(folder), KIND, content, tensors)


def from_pretrained(folder: str | Path) -> Generator:
    """Read what `save_pretrained` wrote; the generator is in evaluation mode, on the CPU.

    Raises:
        WeightloomError: there is no such folder or file.
        DamagedFile: a file is truncated, altered, of another schema, or the two do not belong together.
        UnknownName: no generator of that name is installed.
    """
    path, weights = Path(folder) / CONFIG_FILE, Path(folder) / WEIGHTS_FILE
    document, data = read_folder(Path(folder), KIND, ("name", "config", "architectures"))
    name, settings = document["name"], document["config"]
    if not isinstance(name, str) or not isinstance(settings, dict) or not isinstance(document["architectures"], list):
        raise DamagedFile(f"{path}: expected a name, settings and a list of architectures; {REMEDY}")
    try:
        tensors = read_tensors(data)
        check_finite({key: tensor for key, tensor in tensors.items() if key != "scores"})
    except WeightloomError as error:
        raise DamagedFile(f"{weights}: expected the tensors of a generator, got {error}; {REMEDY}") from error
    try:
        with torch.random.fork_rng(devices=[]):  # the fresh weights, overwritten below, are drawn at random
            _check_room(name, settings, data)
            generator = make_generator(name, settings)
    except UnknownName:
        raise
    except WeightloomError as error:
        raise DamagedFile(f"{path}: {error}; {REMEDY}") from error
    try:
        if isinstance(generator, Fitted):
            cast(_Fitted, generator).import_state(tensors, document["architectures"])
        else:
            generator.load_state_dict(tensors)
    except (RuntimeError, KeyError, ValueError, TypeError, WeightloomError) as error:
        reason = in_one_line(error)
        raise DamagedFile(
            f"{weights}: expected the tensors of generator {generator.name!r} as {CONFIG_FILE} describes it, "
            f"got {reason}; {REMEDY}"
        ) from error
    return generator.eval()


def generator_digest(generator: Generator) -> str:
    """SHA-256 over name, config and tensors: equal for two generators that emit the same networks."""
    tensors, architectures = _state(generator)
    return digest_of([generator.name, _settings(generator), architectures], tensors)


def _check_room(name: str, settings: dict[str, Any], data: bytes) -> None:
    """Raise ``WeightloomError`` for settings that ask for more memory than there are tensors for."""
    try:
        with torch.device("meta"):  # which takes none, whatever they ask for
            module = make_generator(name, settings)
    except WeightloomError:
        raise
    except Exception:  # a plug-in that looks at numbers when it is made; its own settings have to be bounded
        return
    check_room(module, data)


def _state(generator: Generator) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    if isinstance(generator, Fitted):
        tensors, architectures = cast(_Fitted, generator).export_state()
    else:
        tensors, architectures = generator.state_dict(), []
    return plain(tensors), architectures


def _settings(generator: Generator) -> dict[str, Any]:
    return generator.config.model_dump(mode="json")
