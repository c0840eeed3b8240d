"""What leaves a run in other formats, and the log of it: small sound ones, and how the program reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators.folders import canonical
from search_spaces import MLPSpace
from search_spaces.building import network_of
from search_spaces.network import Network
from workbench.export.formats import digest
from workbench.export.hub_folder import load_pretrained, write_hub
from workbench.export.onnx_file import write_onnx
from workbench.export.program_file import read_program, write_program
from workbench.export.recipe import ARCHITECTURE, read_recipe
from workbench.export.safetensors_file import KEY
from workbench.ledger import Ledger
from workbench.provenance import Provenance
from workbench.summary import ExportRecord

SPACE = MLPSpace(inputs=6, outputs=3, depths=(1,), widths=(2, 4))
ROWS = torch.linspace(-1, 1, 24).reshape(4, 6)


def _recipe() -> dict[str, Any]:
    architecture = SPACE.sample(np.random.default_rng(0))
    provenance = Provenance(
        task="digits", task_digest="d", space="mlp", generator="mlp", generator_digest="g", seed=3,
        scores={"score": 0.9},
    )  # fmt: skip
    return {"architecture": architecture.to_dict(), "provenance": provenance.model_dump(mode="json")}


def _network() -> Network:
    torch.manual_seed(0)
    network = network_of(SPACE.sample(np.random.default_rng(0)))
    network.eval()
    return network


def _told(path: Path) -> str:
    recipe = read_recipe(path)
    return f"{recipe.provenance.task} {recipe.graph.key}"


def hub(folder: Path) -> None:
    """A folder as those of the Hugging Face hub."""
    write_hub(folder, _network(), _recipe(), "# card\n")


def loaded_hub(folder: Path) -> None:
    """Its network is run and its recipe looked at."""
    with torch.no_grad():
        load_pretrained(folder)(ROWS)
    _told(folder)


def program(folder: Path) -> None:
    """A program of ``torch.export``."""
    write_program(folder / "network.pt2", _network(), ROWS, metadata=_recipe())


def run_program(folder: Path) -> None:
    """It is run and its recipe looked at."""
    with torch.no_grad():
        read_program(folder / "network.pt2")(ROWS)
    _told(folder / "network.pt2")


def onnx(folder: Path) -> None:
    """A graph of ONNX."""
    recipe = _recipe()
    texts = {
        KEY: Provenance(**recipe["provenance"]).model_dump_json(),
        ARCHITECTURE: canonical(recipe["architecture"]).decode(),
    }
    write_onnx(folder / "network.onnx", _network(), ROWS, metadata=texts)


def facts_of_onnx(folder: Path) -> None:
    """Its metadata are looked at."""
    _told(folder / "network.onnx")


def ledger(folder: Path) -> None:
    """The log of two networks that left a run."""
    hub(folder / "hub")
    record = ExportRecord(
        path="hub", format="hub", sha256=digest(folder / "hub"), generator="mlp", architecture="mlp[4]", score=0.9
    )
    Ledger(folder).add("export", [record, record], folder)


def remarks(folder: Path) -> None:
    """The chain is checked, and so is every file that it names."""
    Ledger(folder).remarks()
