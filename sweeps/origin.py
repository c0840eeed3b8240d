"""Where a saved generator comes from: kept beside it, so that it can be measured and used by itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from generators.form import Form
from generators.generator import Generator
from generators.saving import generator_digest
from search_spaces import SearchSpace, open_space
from search_spaces.files import write_json
from search_spaces.rules import Rules
from workbench.laboratory import Laboratory
from workbench.provenance import Emitted, Provenance
from workbench.records import read_record
from workbench.summary import Record

FILE = "origin.json"


class Origin(Record):
    """What a saved generator was made for and from."""

    task: str = Field(description="name of the task")
    data: str | None = Field(default=None, description="folder of the task's data")
    task_digest: str = Field(description="of all examples")
    space: str = Field(description="name of the search space")
    space_settings: dict[str, Any] = Field(default={}, description="its arguments that are not the defaults")
    inputs: int = Field(ge=1, description="values of one example")
    outputs: int = Field(ge=1, description="classes")
    shape: tuple[int, ...] | None = Field(default=None, description="of one example, channels first; null = flat")
    zoo_digest: str | None = Field(default=None, description="of the zoo; null for a generator that saw none")
    mode: str | None = Field(default=None, description="how it was trained")

    @classmethod
    def of(cls, laboratory: Laboratory, data: str | None, mode: str | None) -> Origin:
        """The origin of a generator trained in ``laboratory``."""
        return cls(
            task=laboratory.task.name,
            data=data,
            task_digest=laboratory.task.digest(),
            space=laboratory.space.name,
            space_settings=dict(laboratory.space.settings),
            inputs=laboratory.space.inputs,
            outputs=laboratory.space.outputs,
            shape=laboratory.task.shape,
            zoo_digest=None if mode == "task" else laboratory.zoo.digest,
            mode=mode,
        )

    def write(self, folder: Path) -> Path:
        """Write it beside the generator."""
        return write_json(folder / FILE, self.model_dump())

    @classmethod
    def read(cls, folder: Path) -> Origin:
        """Read it.

        Raises:
            WeightloomError: there is none.
            DamagedFile: it was altered.
        """
        missing = "name a folder that `weightloom train` or `weightloom sweep` wrote"
        return read_record(folder / FILE, cls, remedy="restore the file or train again", missing=missing)

    def open_space(self) -> SearchSpace:
        """The search space; raises ``UnknownName`` if it is not installed."""
        return open_space(
            self.space,
            inputs=self.inputs,
            outputs=self.outputs,
            shape=self.shape,
            settings=self.space_settings,
        )

    def provenance(
        self,
        generator: Generator,
        *,
        path: str | None,
        seed: int,
        density: float,
        weights: float = 1.0,
        form: Form | None = None,
        scores: dict[str, float] | None = None,
        rules: Rules | None = None,
        topology: Emitted | None = None,
    ) -> Provenance:
        """The provenance of one network of ``generator``; ``path`` is where the generator lies, ``form`` its form."""
        return Provenance(
            task=self.task,
            task_digest=self.task_digest,
            space=self.space,
            zoo_digest=self.zoo_digest,
            generator=generator.name,
            generator_digest=generator_digest(generator),
            generator_path=path,
            seed=seed,
            density=density,
            weights=weights,
            **asdict(form or Form()),
            mode=self.mode,
            scores=dict(scores or {}),
            rules=(rules or Rules()).to_dict(),
            topology=topology,
        )
