"""The formats that networks leave in: one writer each, which checks what it wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from generators.folders import CONFIG_FILE, canonical
from generators.generated import Generated
from search_spaces import RunFailed, files
from search_spaces.network import Network
from workbench.export.agreement import agreement
from workbench.export.hub_folder import load_pretrained, write_hub
from workbench.export.model_card import model_card
from workbench.export.onnx_file import onnx_facts, write_onnx
from workbench.export.program_file import write_program
from workbench.export.recipe import ARCHITECTURE
from workbench.export.safetensors_file import KEY, read_network, write_network
from workbench.provenance import Provenance
from workbench.summary import GeneratorSummary, NetworkCost

# dimension names: batch = examples, inputs = values of one example


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaving:
    """A network that is about to be written.

    Attributes:
        generated: networks within their limits and not rounded.
        index: which of them.
        provenance: of it.
        network: as emitted, its weights rounded: what every file has to compute.
        smaller: the same, compacted.
        rows: real examples to compare on.
        before: what ``network`` costs.
        about: what was measured of its generator.
    """

    generated: Generated
    index: int
    provenance: Provenance
    network: Network
    smaller: Network
    rows: Float[Tensor, "batch inputs"]
    before: NetworkCost
    about: GeneratorSummary | None

    @property
    def recipe(self) -> dict[str, Any]:
        """What every file says of where the network comes from, as JSON has it."""
        architecture = self.generated.blueprints[self.index].architecture
        return {"architecture": architecture.to_dict(), "provenance": self.provenance.model_dump(mode="json")}


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: largest difference of outputs from the network's, version of the format's operators if any."""

    path: Path
    difference: float
    opset: int | None = None


def digest(path: str | Path) -> str:
    """SHA-256 of an export: of a folder that of its ``config.json``, which holds that of the weights.

    Raises:
        WeightloomError: it cannot be read.
    """
    path = Path(path)
    return files.sha256(path / CONFIG_FILE if path.is_dir() else path)


def size(path: Path) -> int:
    """Bytes of an export, all files of a folder together."""
    return sum(one.stat().st_size for one in path.iterdir()) if path.is_dir() else path.stat().st_size


def _safetensors(leaving: Leaving, folder: Path, stem: str) -> Written:
    path = write_network(folder / f"{stem}.safetensors", leaving.generated, leaving.index, leaving.provenance)
    try:
        difference = agreement(path, "safetensors", read_network(path).module, leaving.network, leaving.rows)
    except RunFailed:
        path.unlink()
        raise
    return Written(path=path, difference=difference)


def _onnx(leaving: Leaving, folder: Path, stem: str) -> Written:
    path = folder / f"{stem}.onnx"
    metadata = {
        KEY: leaving.provenance.model_dump_json(),
        ARCHITECTURE: canonical(leaving.recipe["architecture"]).decode(),
    }
    difference = write_onnx(path, leaving.smaller, leaving.rows, reference=leaving.network, metadata=metadata)
    return Written(path=path, difference=difference, opset=onnx_facts(path.read_bytes())[0])


def _program(leaving: Leaving, folder: Path, stem: str) -> Written:
    path = folder / f"{stem}.pt2"
    recipe = leaving.recipe
    difference = write_program(path, leaving.smaller, leaving.rows, reference=leaving.network, metadata=recipe)
    return Written(path=path, difference=difference)


def _hub(leaving: Leaving, folder: Path, stem: str) -> Written:
    path = folder / stem
    card = model_card(stem, leaving.smaller, leaving.provenance, leaving.before, leaving.about)
    write_hub(path, leaving.smaller, leaving.recipe, card)
    try:
        difference = agreement(path, "hub", load_pretrained(path), leaving.network, leaving.rows)
    except RunFailed:
        shutil.rmtree(path)
        raise
    return Written(path=path, difference=difference)


FORMATS: Mapping[str, Callable[[Leaving, Path, str], Written]] = {
    "safetensors": _safetensors,
    "onnx": _onnx,
    "torch-export": _program,
    "hub": _hub,
}
"""Name of a format → its writer."""
