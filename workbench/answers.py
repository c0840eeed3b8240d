"""Answers of real training, kept on disk by content, so that nothing is trained twice and a kill loses nothing."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
from pydantic import Field

from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, DamagedFile
from workbench import files
from workbench.records import read_record
from workbench.summary import Number, Record
from workbench.tasks import Task
from workbench.yardstick import Predictions
from workbench.zoo import Recipe, train_networks

SCHEMA = 2


class Answer(Record):
    """What real training of one architecture gave; lists go by seed.

    Attributes:
        schema_version: of this record.
        key: of the architecture.
        task: digest of the task's examples.
        recipe: how it was trained.
        seeds: start and order of examples, one network each; they are trained together.
        validation: share of validation examples classified rightly, 0 to 1; 0 for a broken network.
        test: the same on test examples.
        seconds: of processor time that the training took, all seeds together, when it was done.
    """

    schema_version: int = Field(default=SCHEMA, alias="schema")
    key: str
    task: str
    recipe: Recipe
    seeds: tuple[int, ...]
    validation: tuple[Number, ...]
    test: tuple[Number, ...]
    seconds: Number


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Really trains architectures, or reads what an earlier search found.

    The file's name is a digest of architecture key, task, recipe and seeds: architectures that compute the same share
    one answer, and so do methods, searches and processes. A file is whole or absent. Two processes that train the same
    at the same time write the same twice.

    Attributes:
        task: gives the examples.
        recipe: the same for all.
        folder: where answers are kept.
    """

    task: Task
    recipe: Recipe
    folder: Path

    def of(self, architecture: Architecture, seeds: Sequence[int]) -> Answer:
        """The answer for ``architecture``, trained once from each of ``seeds`` side by side.

        Raises:
            DamagedFile: it is on disk but was truncated or altered.
        """
        path = self.path(architecture, seeds)
        if path.exists():
            return self._read(path, architecture, seeds)
        answer = self._train(architecture, seeds)
        files.write_json(path, answer.model_dump(by_alias=True))
        return answer

    def path(self, architecture: Architecture, seeds: Sequence[int]) -> Path:
        """Where the answer is, or will be."""
        known = [SCHEMA, architecture.key, self._digest, self.recipe.model_dump(), list(seeds)]
        name = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:24]
        return self.folder / name[:2] / f"{name}.json"

    @cached_property
    def _digest(self) -> str:
        return self.task.digest()

    def _read(self, path: Path, architecture: Architecture, seeds: Sequence[int]) -> Answer:
        remedy = "remove the file and it is trained again"
        answer = read_record(path, Answer, remedy=remedy)
        expected = (SCHEMA, architecture.key, self._digest, tuple(seeds))
        got = (answer.schema_version, answer.key, answer.task, answer.seeds)
        if got != expected or len(answer.validation) != len(seeds) or len(answer.test) != len(seeds):
            raise DamagedFile(f"{path}: expected an answer about {expected}, got {got}; {remedy}")
        return answer

    def _train(self, architecture: Architecture, seeds: Sequence[int]) -> Answer:
        began = time.process_time()
        blueprints = [Blueprint.of(architecture)] * len(seeds)
        trained = train_networks(self.task, WeightTokenizer(), blueprints, seeds, self.recipe)
        networks = trained.networks
        seconds = time.process_time() - began
        scores = [Predictions.of(networks, split).scores for split in (self.task.validation, self.task.test)]
        validation, test = (tuple(np.nan_to_num(found).tolist()) for found in scores)
        return Answer(
            key=architecture.key,
            task=self._digest,
            recipe=self.recipe,
            seeds=tuple(seeds),
            validation=validation,
            test=test,
            seconds=seconds,
        )
