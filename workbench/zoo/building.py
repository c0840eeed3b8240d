"""From a configuration to a zoo on disk: networks are trained batch by batch, and kept as they are done."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, SearchSpace, WeightloomError
from workbench.execution import give_back
from workbench.tasks import Task
from workbench.zoo.batched import Training
from workbench.zoo.config import ZooConfig
from workbench.zoo.doubled import chosen, doubled, test_scores
from workbench.zoo.parts import Part, Parts
from workbench.zoo.stored import Facts, NetworksWriter, Spent, load_zoo, write_zoo
from workbench.zoo.zoo import Zoo, zoo_digest

Progress = Callable[[str, int, int], None]
"""Told the name of the stage, network steps done, network steps in all."""
TRAINING, REAL = "steps of training networks", "steps of held-out real networks"
DOUBLED = "steps of real networks, twice as long"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a zoo is made of before anything is trained.

    Attributes:
        pool: all training architectures.
        training: of the first of them.
        real: of held-out networks, the test architectures' before the validation architectures'.
        test: how many of these are of test architectures.
        again: which of them are trained again.
        doubled: of these, for twice as long; None if there are none.
    """

    pool: tuple[Blueprint, ...]
    training: Training
    real: Training
    test: int
    again: list[int]
    doubled: Training | None

    @classmethod
    def of(cls, task: Task, space: SearchSpace, config: ZooConfig) -> Plan:
        """Draw architectures, seeds and densities."""
        rng = np.random.default_rng(config.seed)
        held_out = space.sample_distinct(config.test + config.validation, rng)
        pool = space.sample_distinct(config.pool, rng, frozenset(a.key for a in held_out))
        count = config.trainings
        tokenizer = WeightTokenizer(width=config.token_width)
        starts = 1 if config.kind == "shared-base" else count
        sparse, least = rng.random(count) < config.sparse_share, config.least_density
        densities = np.where(sparse, rng.uniform(least, 1.0, count), 1.0)
        truth = [Blueprint.of(a) for a in held_out for _ in range(config.seeds)]
        real = Training(
            task=task,
            tokenizer=tokenizer,
            blueprints=truth,
            seeds=[config.seed + 1_000_000 + i for i in range(len(truth))],
            recipe=config.real_recipe,
        )
        again = chosen(config.test, config.seeds, config.doubled)
        return cls(
            pool=tuple(Blueprint.of(a) for a in pool),
            training=Training(
                task=task,
                tokenizer=tokenizer,
                blueprints=[Blueprint.of(a) for a in pool[:count]],
                seeds=[config.seed + 1 + i % starts for i in range(count)],
                recipe=config.recipe,
                densities=densities.tolist(),
                checkpoints=config.checkpoints if config.kind == "trajectory" else 0,
            ),
            real=real,
            test=config.test * config.seeds,
            again=again,
            doubled=doubled(real, again) if again else None,
        )


def open_zoo(task: Task, space: SearchSpace, config: ZooConfig, folder: Path, progress: Progress | None = None) -> Zoo:
    """The zoo for these settings: opened in ``folder`` if it is there, else trained and written first.

    A training that was cut off goes on after the last batch that was done; two processes may train the same zoo.

    Raises:
        DamagedFile: it is there but was truncated or altered.
    """
    digest = zoo_digest(task, space, config)
    home = folder / digest
    unfinished = folder / f".{digest}.parts"
    if not home.exists():
        try:
            _build(Plan.of(task, space, config), config, home, unfinished, progress)
        except (OSError, WeightloomError):
            if not home.exists():  # else another process was faster, and has removed the parts
                raise
    shutil.rmtree(unfinished, ignore_errors=True)
    return load_zoo(home, config)


def _build(plan: Plan, config: ZooConfig, home: Path, unfinished: Path, progress: Progress | None) -> None:
    stages = {TRAINING: ("training", plan.training), REAL: ("real", plan.real)}
    if plan.doubled is not None:
        stages[DOUBLED] = ("doubled", plan.doubled)
    total = sum(training.steps for _, training in stages.values())
    done = 0

    def report(stage: str) -> Callable[[int], None]:
        def add(steps: int) -> None:
            nonlocal done
            done += steps
            if progress is not None:
                progress(stage, min(done, total), total)

        return add

    kept: dict[str, Parts] = {}
    for stage, (name, training) in stages.items():
        kept[stage] = Parts(folder=unfinished, name=name, origin=home.name, training=training)
        _train_missing(kept[stage], home, report(stage))
        if home.exists():
            return
    _put_together(plan, kept, config, home)


def _train_missing(parts: Parts, home: Path, tell: Callable[[int], None]) -> None:
    missing = parts.missing()
    batches, steps = parts.training.batches, parts.training.recipe.steps
    there = sum(map(len, batches)) - sum(len(batches[number]) for number in missing)
    if there:
        tell(there * steps)
    began = time.perf_counter()
    for number, batch in zip(missing, parts.training.trained(missing, tell), strict=True):
        now = time.perf_counter()
        parts.write(number, Part(batch=batch, seconds=now - began))
        began = now
        give_back()
        if home.exists():  # another process was faster
            return


def _put_together(plan: Plan, kept: Mapping[str, Parts], config: ZooConfig, home: Path) -> None:
    """From the parts to the final files, a batch at a time."""

    def fill(writer: NetworksWriter) -> Spent:
        seconds = improving = 0.0
        once: dict[int, float] = {}
        twice: dict[int, float] = {}
        for _, part, rows in kept[TRAINING].each():
            seconds += part.seconds
            _put(writer, "training", part, dict(enumerate(rows)))
        for number, part, rows in kept[REAL].each():
            seconds += part.seconds
            improving += part.batch.still_improving * len(rows)
            _put(writer, "test", part, {i: row for i, row in enumerate(rows) if row < plan.test})
            others = {i: row - plan.test for i, row in enumerate(rows) if row >= plan.test}
            _put(writer, "validation", part, others)
            once |= test_scores(plan.real, number, part.batch, [row for row in rows if row in plan.again])
        if plan.doubled is not None:
            for number, part, rows in kept[DOUBLED].each():
                twice |= test_scores(plan.doubled, number, part.batch, rows)
        return Spent(
            seconds=seconds,
            still_improving=improving / len(plan.real.results),
            doubled=tuple((once[row], twice[place]) for place, row in enumerate(plan.again)),
        )

    held_out = plan.real.results
    facts = Facts(
        config=config,
        digest=home.name,
        pool=plan.pool,
        test=held_out[: plan.test],
        validation=held_out[plan.test :],
    )
    write_zoo(home, facts, fill, kept[TRAINING].folder)


def _put(writer: NetworksWriter, group: str, part: Part, rows: Mapping[int, int]) -> None:
    """Some networks of a part: by their place in it, their row in the group."""
    index, batch = list(rows), part.batch
    writer.put(
        group,
        list(rows.values()),
        batch.tokens[index],
        batch.open_neurons[index],
        batch.gates[index],
        batch.scores[index],
    )
