"""The zoo: really trained networks, training data of generators and held-out truth, kept on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool
from pydantic import BaseModel, ConfigDict, Field, model_validator
from safetensors.torch import save_file
from torch import Tensor

from generators.collection import Collection
from generators.generated import Generated
from generators.tensor_files import read_tensors
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, DamagedFile, SearchSpace, WeightloomError
from search_spaces.errors import in_one_line
from workbench.execution import at_once, batches, side_by_side, stackable
from workbench.files import read_bytes, read_json, sha256, write_json
from workbench.tasks import Task
from workbench.zoo.train import Recipe, Trained, train_networks

SCHEMA = 3
ZOO = "zoo.json"
"""Describes the networks beside it; written after them."""
AT_ONCE = 128
"""Most networks trained in one stack: larger ones fall out of the cache, smaller ones cost more calls."""
ALONE = 150_000
"""Network steps up to which one process trains all stacks, in seconds; starting others would take as long."""
UNSTACKED = 20
"""A step of a network that does not stack costs about as much as so many that do."""

CHECKPOINTS = 8
"""Steps of one training that are kept in a trajectory zoo, over its second half (compare Peebles et al. 2022,
arXiv:2209.12892, whose generators learn from checkpoints along training)."""
Kind = Literal["shared-base", "independent", "trajectory"]

Progress = Callable[[str, int, int], None]
"""Told the name of the stage, network steps done, network steps in all."""


class ZooConfig(BaseModel):
    """Which networks are really trained; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        default="shared-base",
        description="training networks start from one shared tensor, or each from its own (independent), or are "
        f"{CHECKPOINTS} steps each of fewer trainings (trajectory)",
    )
    pool: int = Field(default=512, ge=4, description="training architectures")
    networks: int = Field(default=160, ge=4, description="of which so many are trained, one network each")
    validation: int = Field(default=8, ge=2, description="validation architectures")
    test: int = Field(default=16, ge=2, description="test architectures")
    seeds: int = Field(default=4, ge=2, description="networks really trained for each of the last two, independently")
    sparse_share: float = Field(default=0.5, ge=0, le=1, description="share of training networks that are pruned")
    least_density: float = Field(default=0.4, gt=0, le=1, description="smallest share of neurons left by pruning")
    recipe: Recipe = Field(default=Recipe(steps=600), description="of the training networks")
    real_recipe: Recipe = Field(default=Recipe(steps=1200), description="of the yardstick: long enough to converge")
    token_width: int = Field(default=64, ge=1, le=65536)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _whole_trainings(self) -> ZooConfig:
        if self.networks % self.checkpoints:
            raise ValueError(f"networks a multiple of {CHECKPOINTS} for a trajectory zoo, not {self.networks}")
        return self

    @property
    def trainings(self) -> int:
        """Training architectures that are really trained."""
        return min(self.networks // self.checkpoints, self.pool)

    @property
    def checkpoints(self) -> int:
        """Training networks from each of them."""
        return CHECKPOINTS if self.kind == "trajectory" else 1

    def trained(self, pool: Sequence[Blueprint]) -> list[Blueprint]:
        """The blueprint of each training network, out of the training architectures."""
        return [blueprint for blueprint in pool[: self.trainings] for _ in range(self.checkpoints)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Zoo:
    """Architectures split by key, and the networks trained for them.

    Attributes:
        config: what it was made from.
        pool: blueprints of all training architectures.
        training: one network each for the first of them, or several along one training.
        validation, test: ``seeds`` independently trained networks for each held-out architecture, side by
            side (architecture-major).
        seconds: wall time that training it took.
        still_improving: share of yardstick networks whose best step was their last.
        digest: sixteen hex digits that name task, space and config.
    """

    config: ZooConfig
    pool: tuple[Blueprint, ...]
    training: Collection
    validation: Collection
    test: Collection
    seconds: float
    still_improving: float
    digest: str


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


def open_zoo(task: Task, space: SearchSpace, config: ZooConfig, folder: Path, progress: Progress | None = None) -> Zoo:
    """The zoo for these settings: read from ``folder`` if it is there, else trained and written.

    Raises:
        DamagedFile: it is there but was truncated or altered.
    """
    home = folder / zoo_digest(task, space, config)
    if home.exists():
        return load_zoo(home, config)
    zoo = train_zoo(task, space, config, progress)
    save_zoo(zoo, home)
    return zoo


def train_zoo(task: Task, space: SearchSpace, config: ZooConfig, progress: Progress | None = None) -> Zoo:
    """Really train all networks of a zoo."""
    start = time.perf_counter()
    rng = np.random.default_rng(config.seed)
    held_out = space.sample_distinct(config.test + config.validation, rng)
    pool = space.sample_distinct(config.pool, rng, frozenset(a.key for a in held_out))
    count = config.trainings
    tokenizer = WeightTokenizer(width=config.token_width)
    starts = 1 if config.kind == "shared-base" else count
    densities = np.where(rng.random(count) < config.sparse_share, rng.uniform(config.least_density, 1.0, count), 1.0)
    truth = [Blueprint.of(a) for a in held_out for _ in range(config.seeds)]
    total = count * config.recipe.steps + len(truth) * config.real_recipe.steps
    done = 0

    def report(stage: str) -> Callable[[int], None]:
        def add(steps: int) -> None:
            nonlocal done
            done += steps
            if progress is not None:
                progress(stage, min(done, total), total)

        return add

    training = train_sorted(
        task,
        tokenizer,
        [Blueprint.of(a) for a in pool[:count]],
        [config.seed + 1 + i % starts for i in range(count)],
        config.recipe,
        densities=densities.tolist(),
        checkpoints=config.checkpoints if config.kind == "trajectory" else 0,
        progress=report("steps of training networks"),
    )
    real = train_sorted(
        task,
        tokenizer,
        truth,
        [config.seed + 1_000_000 + i for i in range(len(truth))],
        config.real_recipe,
        progress=report("steps of held-out real networks"),
    )
    cut = config.test * config.seeds
    return Zoo(
        config=config,
        pool=tuple(Blueprint.of(a) for a in pool),
        training=training.collection,
        test=_part(real.collection, range(cut)),
        validation=_part(real.collection, range(cut, len(truth))),
        seconds=time.perf_counter() - start,
        still_improving=real.still_improving,
        digest=zoo_digest(task, space, config),
    )


def train_sorted(
    task: Task,
    tokenizer: WeightTokenizer,
    blueprints: Sequence[Blueprint],
    seeds: Sequence[int],
    recipe: Recipe,
    *,
    densities: Sequence[float] | None = None,
    checkpoints: int = 0,
    start: Generated | None = None,
    sparse: Bool[Tensor, " networks"] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trained:
    """``train_networks`` in batches of like networks, results in the order asked for.

    Large zoos are trained by a process for each core, or by the cluster that `workbench.execution.shared_out` names.
    """
    chosen = batches(blueprints, AT_ONCE)
    work = recipe.steps * len(blueprints) * (1 if stackable(blueprints) else UNSTACKED)
    large = work > ALONE and task.train.x.device.type == "cpu"
    workers = min(at_once(), len(chosen)) if large else 1
    tell = progress if workers == 1 else None

    train = partial(  # of a function that other processes can import
        _train_batch,
        task=task,
        tokenizer=tokenizer,
        blueprints=blueprints,
        seeds=seeds,
        recipe=recipe,
        densities=densities,
        checkpoints=checkpoints,
        start=start,
        sparse=sparse,
        progress=tell,
    )
    each = max(1, checkpoints)
    parts: list[Trained] = []
    for part in side_by_side(train, chosen, workers):
        parts.append(part)
        if progress is not None and tell is None:
            progress(recipe.steps * len(part.collection) // each)
    order = [i * each + place for index in chosen for i in index for place in range(each)]
    back = np.argsort(order).tolist()
    networks = Generated.concatenate([p.collection.networks for p in parts]).select(back)
    scores = torch.cat([p.collection.scores for p in parts])[torch.tensor(back)]
    shares = [p.still_improving * len(p.collection) for p in parts]
    return Trained(
        collection=Collection(networks=networks, scores=scores),
        curve=tuple(np.mean([p.curve for p in parts], axis=0).tolist()),
        still_improving=sum(shares) / len(order),
    )


def _train_batch(
    index: Sequence[int],
    *,
    task: Task,
    tokenizer: WeightTokenizer,
    blueprints: Sequence[Blueprint],
    seeds: Sequence[int],
    recipe: Recipe,
    densities: Sequence[float] | None,
    checkpoints: int,
    start: Generated | None,
    sparse: Bool[Tensor, " networks"] | None,
    progress: Callable[[int], None] | None,
) -> Trained:
    """``train_networks`` of those with these indices."""
    return train_networks(
        task,
        tokenizer,
        [blueprints[i] for i in index],
        [seeds[i] for i in index],
        recipe,
        densities=None if densities is None else [densities[i] for i in index],
        checkpoints=checkpoints,
        start=None if start is None else start.select(index),
        sparse=None if sparse is None else sparse[list(index)],
        progress=progress,
    )


def save_zoo(zoo: Zoo, home: Path) -> None:
    """Write a zoo as ``zoo.json`` and ``networks.safetensors``; the folder appears whole or not at all."""
    with whole_folder(home) as scratch:
        tensors: dict[str, Tensor] = {}
        for part in ("training", "validation", "test"):
            collection: Collection = getattr(zoo, part)
            tensors |= {
                f"{part}.tokens": collection.networks.tokens.cpu().contiguous(),
                f"{part}.open": collection.networks.open_neurons.cpu().contiguous(),
                f"{part}.gates": collection.networks.gates.cpu().contiguous(),
                f"{part}.scores": collection.scores.cpu().contiguous(),
            }
        save_file(tensors, scratch / "networks.safetensors")
        content = {
            "schema": SCHEMA,
            "digest": zoo.digest,
            "config": zoo.config.model_dump(),
            "seconds": zoo.seconds,
            "still_improving": zoo.still_improving,
            "pool": [b.architecture.to_dict() for b in zoo.pool],
            "validation": [b.architecture.to_dict() for b in zoo.validation.networks.blueprints],
            "test": [b.architecture.to_dict() for b in zoo.test.networks.blueprints],
            "sha256": sha256(scratch / "networks.safetensors"),
        }
        write_json(scratch / ZOO, content)


@contextmanager
def whole_folder(home: Path) -> Iterator[Path]:
    """A scratch folder that becomes ``home`` when all is in it, unless another process was faster."""
    home.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        yield scratch
        if not home.exists():
            scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def load_zoo(home: Path, config: ZooConfig) -> Zoo:
    """Read what ``save_zoo`` wrote.

    Raises:
        DamagedFile: naming the file that is missing, truncated or altered.
    """
    remedy = f"remove the folder {home} and the zoo is trained anew"
    content = read_json(home / ZOO, remedy=remedy)
    file = home / "networks.safetensors"
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or content.get("digest") != home.name:
        raise DamagedFile(f"{home / ZOO}: expected schema {SCHEMA} and digest {home.name}; {remedy}")
    data = read_bytes(file, "safetensors file", remedy)
    if hashlib.sha256(data).hexdigest() != content.get("sha256"):
        raise DamagedFile(f"{file}: its content does not match the checksum in zoo.json; {remedy}")
    try:
        return _zoo_of(config, content, read_tensors(data))
    except (WeightloomError, KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        reason = in_one_line(error)
        raise DamagedFile(f"{home}: expected the networks of a zoo, got {reason}; {remedy}") from error


def _zoo_of(config: ZooConfig, content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Zoo:
    tokenizer = WeightTokenizer(width=config.token_width)
    pool = tuple(Blueprint.of(Architecture.from_dict(a)) for a in content["pool"])

    def collection(part: str, blueprints: Sequence[Blueprint]) -> Collection:
        longest = max(tokenizer.size(blueprint) for blueprint in blueprints)
        shape, got = (len(blueprints), longest, tokenizer.entries), tuple(tensors[f"{part}.tokens"].shape)
        if got != shape:  # before tokens are laid out, which takes memory
            raise WeightloomError(f"{part} tokens of {got} where the architectures have {shape}")
        return Collection(
            networks=Generated(
                tokenizer=tokenizer,
                layout=tokenizer.batch(blueprints),
                tokens=tensors[f"{part}.tokens"],
                open_neurons=tensors[f"{part}.open"],
                gates=tensors[f"{part}.gates"],
            ),
            scores=tensors[f"{part}.scores"],
        )

    def held_out(part: str) -> Collection:
        return collection(part, [Blueprint.of(Architecture.from_dict(a)) for a in content[part]])

    return Zoo(
        config=config,
        pool=pool,
        training=collection("training", config.trained(pool)),
        validation=held_out("validation"),
        test=held_out("test"),
        seconds=float(content["seconds"]),
        still_improving=float(content["still_improving"]),
        digest=content["digest"],
    )


def _part(collection: Collection, index: range) -> Collection:
    return Collection(
        networks=collection.networks.select(list(index)),
        scores=collection.scores[list(index)],
    )
