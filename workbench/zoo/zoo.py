"""The zoo: really trained networks, training data of generators and held-out truth, kept on disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import torch

from generators.collection import Collection
from search_spaces import Blueprint, SearchSpace
from workbench.tasks import Task
from workbench.zoo.config import ZooConfig

SCHEMA = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Zoo:
    """Architectures split by key, and the networks trained for them.

    Attributes:
        config: what it was made from.
        pool: blueprints of all training architectures.
        training: one network each for the first of them, or several along one training; never all in memory.
        validation, test: ``seeds`` independently trained networks for each held-out architecture, side by
            side (architecture-major).
        seconds: wall time that training it took, without those that were trained for twice as long.
        still_improving: share of yardstick networks whose best step was their last.
        doubled: test scores of some test architectures' networks, trained as long as the yardstick and twice as long.
        digest: sixteen hex digits that name task, space and config.
    """

    config: ZooConfig
    pool: tuple[Blueprint, ...]
    training: Collection
    validation: Collection
    test: Collection
    seconds: float
    still_improving: float
    doubled: tuple[tuple[float, float], ...]
    digest: str

    def to(self, device: torch.device) -> Zoo:
        """The same, with selected networks on another device."""
        moved = {name: getattr(self, name).to(device) for name in ("training", "validation", "test")}
        return replace(self, **moved)


def zoo_digest(task: Task, space: SearchSpace, config: ZooConfig) -> str:
    """The name of the zoo that ``open_zoo`` would use."""
    known = [SCHEMA, task.digest(), space.name, space.inputs, space.outputs, space.size, config.model_dump()]
    if len(space.shape) > 1:
        known.append(space.shape)
    if space.settings:
        known.append(dict(space.settings))
    if space.signature:
        known.append(space.signature)
    content = json.dumps(known, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
