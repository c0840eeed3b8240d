"""Batches of a zoo that is being trained, each in a file of its own, so that a kill costs no more than a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.folders import canonical, library_version
from search_spaces import DamagedFile, WeightloomError
from search_spaces.errors import in_one_line
from workbench.sealed import read_sealed, write_sealed
from workbench.zoo.batched import Batch, Training
from workbench.zoo.stored import shapes_of

TENSORS = {"tokens": "tokens", "open": "open_neurons", "gates": "gates", "scores": "scores"}
"""Fields of a batch, by what they are called in the zoo's own file."""


class _Document(BaseModel):
    """What stands beside the tensors; see ``Batch`` and ``Part``."""

    model_config = ConfigDict(extra="forbid")

    identity: str
    curve: tuple[float, ...]
    still_improving: float = Field(ge=0, le=1)
    seconds: float = Field(ge=0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A batch that was trained, and what it took.

    Attributes:
        batch: its networks.
        seconds: wall time that passed for it.
    """

    batch: Batch
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Where the batches of one training are kept.

    Attributes:
        folder: that may be shared by several trainings, and by several processes that do the same.
        name: of the training, in the names of its files.
        origin: names all that decides what is trained, but for blueprints and seeds.
        training: of which they are.
    """

    folder: Path
    name: str
    origin: str
    training: Training

    def write(self, number: int, part: Part) -> None:
        """Keep a batch, atomically.

        Raises:
            WeightloomError: the file cannot be written.
        """
        batch = part.batch
        document = _Document(
            identity=self._identity(number),
            curve=batch.curve,
            still_improving=batch.still_improving,
            seconds=part.seconds,
        )
        tensors = {name: getattr(batch, name).cpu() for name in TENSORS.values()}
        write_sealed(self._path(number), tensors, document.model_dump())

    def read(self, number: int) -> Part:
        """A batch that was kept.

        Raises:
            DamagedFile: it was altered or cut off, or is one of another training.
            WeightloomError: there is none.
        """
        path, remedy = self._path(number), "start again and it is trained anew"
        tensors, document = read_sealed(path, "batch of a zoo", remedy)
        own = self.training
        shapes = shapes_of(own.tokenizer, [own.results[row] for row in own.rows(number)])
        expected = {TENSORS[kind]: (shape, torch.float32) for kind, shape in shapes.items()}
        got = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
        if document.get("identity") != self._identity(number) or got != expected:
            raise DamagedFile(f"{path}: expected a batch of this very training, got one of another; {remedy}")
        try:
            known = _Document.model_validate(document)
        except ValidationError as error:
            raise DamagedFile(f"{path}: expected a batch of a zoo, got {in_one_line(error)}; {remedy}") from error
        batch = Batch(**tensors, curve=known.curve, still_improving=known.still_improving)
        return Part(batch=batch, seconds=known.seconds)

    def missing(self) -> list[int]:
        """Numbers of batches that are not there, or not whole."""
        return [number for number in range(len(self.training.batches)) if not self._whole(number)]

    def each(self) -> Iterator[tuple[int, Part, list[int]]]:
        """All batches: number, what was kept, and the rows of its networks among all results; raises like `read`."""
        for number in range(len(self.training.batches)):
            yield number, self.read(number), self.training.rows(number)

    def _whole(self, number: int) -> bool:
        if not self._path(number).exists():
            return False
        try:
            self.read(number)
        except WeightloomError:
            return False
        return True

    def _path(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:05d}"

    def _identity(self, number: int) -> str:
        training, index = self.training, self.training.batches[number]
        known = [
            library_version(),
            self.origin,
            self.name,
            training.recipe.model_dump(),
            training.checkpoints,
            index,
            [training.blueprints[i].key for i in index],
            [training.seeds[i] for i in index],
            None if training.densities is None else [training.densities[i] for i in index],
        ]
        return hashlib.sha256(canonical(known)).hexdigest()
