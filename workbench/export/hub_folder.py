"""A network as a folder like those of the Hugging Face hub: model card, config, weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from generators.folders import CONFIG_FILE, REMEDY, WEIGHTS_FILE, plain, read_folder, write_folder
from generators.tensor_files import read_tensors
from search_spaces import Architecture, DamagedFile, WeightloomError, files
from search_spaces.building import network_of
from search_spaces.errors import in_one_line
from search_spaces.network import Network

KIND = "weightloom-hub-network"
KEYS = ("architecture", "compacted", "selected", "provenance")
CARD = "README.md"


def write_hub(folder: str | Path, network: Network, recipe: Mapping[str, Any], card: str) -> Path:
    """Write ``README.md``, ``model.safetensors`` and, last, ``config.json``; see ``docs/formats.md``.

    Args:
        folder: made if missing.
        network: what is kept, best `compact`ed; its state dict becomes the weights, under its own names.
        recipe: ``architecture`` (as emitted) and ``provenance``, as JSON has them.
        card: Markdown with the hub's YAML head.

    Raises:
        WeightloomError: the folder cannot be written.
    """
    folder = Path(folder)
    tensors = plain({name: tensor for name, tensor in network.named_parameters()})
    files.write_text(folder / CARD, card)
    made = {"compacted": network.architecture.to_dict(), "selected": network.selected_channels}
    return write_folder(folder, KIND, {**recipe, **made}, tensors)


def hub_document(folder: str | Path) -> tuple[dict[str, Any], bytes]:
    """The content of ``config.json`` and the bytes of the weights, checked against each other.

    Raises:
        WeightloomError: there is no such folder or file.
        DamagedFile: a file was altered.
    """
    return read_folder(Path(folder), KIND, KEYS)


def load_pretrained(folder: str | Path) -> Network:
    """The network of a hub folder, ready to run: outputs [batch, classes] for inputs [batch, inputs].

    Nothing is downloaded and nothing unpickled.

    Raises:
        WeightloomError: there is no such folder or file.
        UnknownName: it is a network of a user's own space, which is not installed.
        DamagedFile: a file is truncated, altered, or the two do not belong together.
    """
    document, data = hub_document(folder)
    try:
        tensors = read_tensors(data)
    except WeightloomError as error:
        raise _damaged(folder, error) from error
    try:
        architecture = Architecture.from_dict(document["compacted"])
        with torch.random.fork_rng(devices=[]):  # the fresh weights are overwritten
            network = network_of(architecture, document["selected"])
        return network.load(tensors).eval()
    except (RuntimeError, AttributeError, KeyError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: str | Path, error: Exception) -> DamagedFile:
    return DamagedFile(
        f"{Path(folder) / WEIGHTS_FILE}: expected the tensors that {CONFIG_FILE} describes, got {in_one_line(error)}; "
        f"{REMEDY}"
    )
