"""What every export says of where it comes from, read from a file of any format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from generators.folders import CONFIG_FILE
from search_spaces import Architecture, DamagedFile, WeightloomError, files
from search_spaces.plain_data import parse_json
from workbench.export.hub_folder import hub_document
from workbench.export.onnx_file import onnx_facts
from workbench.export.program_file import program_recipe
from workbench.export.safetensors_file import KEY, read_network
from workbench.provenance import Provenance
from workbench.summary import Record, one_line

ARCHITECTURE = f"{KEY}.architecture"
"""Metadata key of an ONNX file that holds the architecture as it was emitted."""
_REMEDY = "restore the file or export the network again"


class Recipe(Record):
    """All it takes to make a network again, but for its generator.

    Attributes:
        path: of the export.
        format: one of `workbench.export.FORMATS`.
        architecture: as emitted, in the form of `Architecture.to_dict`; None in ONNX files from before they held it.
        provenance: the rest.
        opset: version of ONNX's operators; None in other formats.
    """

    path: str
    format: str
    architecture: dict[str, Any] | None
    provenance: Provenance
    opset: int | None = None

    @property
    def graph(self) -> Architecture:
        """The architecture.

        Raises:
            WeightloomError: the file does not hold it.
            DamagedFile: it is none.
        """
        if self.architecture is None:
            raise WeightloomError(
                f"{self.path}: holds no architecture, as files of earlier versions; export the network again"
            )
        try:
            return Architecture.from_dict(self.architecture)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedFile(f"{self.path}: expected an architecture, got {error}; {_REMEDY}") from error


def read_recipe(path: str | Path) -> Recipe:
    """The recipe of an export.

    Args:
        path: a ``.safetensors``, ``.onnx`` or ``.pt2`` file, or a hub folder (or a file in it).

    Raises:
        WeightloomError: there is no such file, or it is of another kind.
        DamagedFile: it was altered.
    """
    path = Path(path)
    if path.name in (CONFIG_FILE, "README.md") or (path.suffix == ".safetensors" and is_hub(path.parent)):
        path = path.parent
    if path.is_dir() and not (path / CONFIG_FILE).is_file():
        raise WeightloomError(
            f"{path}: expected an export (.safetensors, .onnx, .pt2 or a hub folder), got another folder; those of a "
            "run lie in its folder exports"
        )
    if path.is_dir():
        document = hub_document(path)[0]
        return _recipe(path, "hub", document.get("architecture"), document.get("provenance"))
    if path.suffix == ".safetensors":
        loaded = read_network(path)
        return Recipe(
            path=str(path),
            format="safetensors",
            architecture=loaded.architecture.to_dict(),
            provenance=loaded.provenance,
        )
    if path.suffix == ".pt2":
        document = program_recipe(path)
        return _recipe(path, "torch-export", document.get("architecture"), document.get("provenance"))
    if path.suffix == ".onnx":
        return _of_onnx(path)
    raise WeightloomError(
        f"{path}: expected an export (.safetensors, .onnx, .pt2 or a hub folder), got another kind of file"
    )


def is_hub(folder: Path) -> bool:
    """Whether a folder looks like one that was written as ``hub``."""
    return (folder / CONFIG_FILE).is_file() and (folder / "README.md").is_file()


def _of_onnx(path: Path) -> Recipe:
    data = files.read_bytes(path, "ONNX file", "check the path")
    try:
        opset, metadata = onnx_facts(data)
        architecture = parse_json(metadata[ARCHITECTURE]) if ARCHITECTURE in metadata else None
        return _recipe(path, "onnx", architecture, parse_json(metadata[KEY])).model_copy(update={"opset": opset})
    except (WeightloomError, KeyError, ValueError) as error:
        raise DamagedFile(f"{path}: expected an ONNX file of ours, got {error}; {_REMEDY}") from error


def _recipe(path: Path, kind: str, architecture: Any, provenance: Any) -> Recipe:
    try:
        return Recipe.model_validate(
            {"path": str(path), "format": kind, "architecture": architecture, "provenance": provenance}
        )
    except ValidationError as error:
        raise DamagedFile(f"{path}: {one_line(error)}; {_REMEDY}") from error
