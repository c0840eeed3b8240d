"""Real training of any number of networks, in batches of like ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from generators.generated import Generated
from generators.tokens import WeightTokenizer
from search_spaces import Blueprint
from workbench.execution import at_once, batches, side_by_side, stackable
from workbench.tasks import Task
from workbench.zoo.train import Recipe, Trained, train_networks

AT_ONCE = 128
"""Most networks in one stack on a processor: larger ones fall out of its cache, smaller ones cost more calls."""
AT_ONCE_ELSEWHERE = 2048
"""On any other device, where a call costs the same whether it is for one network or a thousand."""
ALONE = 150_000
"""Network steps up to which one process trains all stacks, in seconds; starting others would take as long."""
UNSTACKED = 20
"""A step of a network that does not stack costs about as much as so many that do."""

# dimension names: networks, tokens, entries, edges as in generators


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What training one batch gave: networks without a layout, padded to the longest of them.

    Attributes:
        tokens, open_neurons, gates: as those of ``Generated``.
        scores, curve, still_improving: as those of ``Trained``.
    """

    tokens: Float[Tensor, "networks tokens entries"]
    open_neurons: Float[Tensor, "networks tokens"]
    gates: Float[Tensor, "networks edges"]
    scores: Float[Tensor, " networks"]
    curve: tuple[float, ...]
    still_improving: float


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What a process is told of one batch; attributes as those of ``Training``."""

    blueprints: Sequence[Blueprint]
    seeds: Sequence[int]
    densities: Sequence[float] | None
    start: Generated | None
    sparse: Bool[Tensor, " networks"] | None


@dataclass(frozen=True, kw_only=True)
class Training:
    """Networks that are to be trained; see ``train_networks`` for the attributes."""

    task: Task
    tokenizer: WeightTokenizer
    blueprints: Sequence[Blueprint]
    seeds: Sequence[int]
    recipe: Recipe
    densities: Sequence[float] | None = None
    checkpoints: int = 0
    start: Generated | None = None
    sparse: Bool[Tensor, " networks"] | None = None

    @property
    def each(self) -> int:
        """Networks that one training gives."""
        return max(1, self.checkpoints)

    @property
    def steps(self) -> int:
        """Network steps in all."""
        return self.recipe.steps * len(self.blueprints)

    @cached_property
    def results(self) -> list[Blueprint]:
        """The blueprint of each network that comes out, in the order asked for."""
        return [blueprint for blueprint in self.blueprints for _ in range(self.each)]

    @cached_property
    def batches(self) -> list[list[int]]:
        """Which networks are trained together."""
        return batches(self.blueprints, AT_ONCE if self._on_processor else AT_ONCE_ELSEWHERE)

    @property
    def _on_processor(self) -> bool:
        return self.task.train.x.device.type == "cpu"

    def rows(self, number: int) -> list[int]:
        """Where the networks of a batch belong among ``results``."""
        return [i * self.each + place for i in self.batches[number] for place in range(self.each)]

    def trained(self, numbers: Sequence[int], progress: Callable[[int], None] | None = None) -> Iterator[Batch]:
        """Batches with these numbers, one after another as they are done, in this order.

        Large trainings are done by a process for each core, or by the cluster that `workbench.execution.shared_out`
        names; which of these is decided by all batches, so that a few of them come out as they would among all.

        Args:
            numbers: of batches.
            progress: called with the network steps done since the last call.
        """
        work = self.steps * (1 if stackable(self.blueprints) else UNSTACKED)
        large = work > ALONE and self._on_processor
        workers = min(at_once(), len(self.batches)) if large else 1
        train = partial(  # of a function that other processes can import
            _train_batch,
            task=self.task,
            tokenizer=self.tokenizer,
            recipe=self.recipe,
            checkpoints=self.checkpoints,
            progress=progress if workers == 1 else None,
        )
        for number, batch in zip(numbers, side_by_side(train, [self._job(n) for n in numbers], workers), strict=True):
            if progress is not None and workers > 1:
                progress(self.recipe.steps * len(self.batches[number]))
            yield batch

    def _job(self, number: int) -> _Job:
        index = self.batches[number]
        return _Job(
            blueprints=[self.blueprints[i] for i in index],
            seeds=[self.seeds[i] for i in index],
            densities=None if self.densities is None else [self.densities[i] for i in index],
            start=None if self.start is None else self.start.select(index),
            sparse=None if self.sparse is None else self.sparse[index],
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
    """``train_networks`` in batches of like networks, results in the order asked for, all in memory."""
    training = Training(
        task=task,
        tokenizer=tokenizer,
        blueprints=blueprints,
        seeds=seeds,
        recipe=recipe,
        densities=densities,
        checkpoints=checkpoints,
        start=start,
        sparse=sparse,
    )
    device = task.train.x.device
    layout = tokenizer.batch(training.results).to(device)
    count, longest = layout.node.shape
    tokens = torch.zeros(count, longest, tokenizer.entries, device=device)
    neurons = tokens.new_zeros(count, longest)
    gates = tokens.new_zeros(count, layout.edge_real.shape[1])
    scores = tokens.new_zeros(count)
    curves: list[tuple[float, ...]] = []
    improving = 0.0
    numbers = range(len(training.batches))
    for number, batch in zip(numbers, training.trained(numbers, progress), strict=True):
        rows = torch.tensor(training.rows(number), device=device)
        tokens[rows, : batch.tokens.shape[1]] = batch.tokens
        neurons[rows, : batch.tokens.shape[1]] = batch.open_neurons
        gates[rows, : batch.gates.shape[1]] = batch.gates
        scores[rows] = batch.scores
        curves.append(batch.curve)
        improving += batch.still_improving * len(rows)
    return Trained(
        networks=Generated(tokenizer=tokenizer, layout=layout, tokens=tokens, open_neurons=neurons, gates=gates),
        scores=scores,
        curve=tuple(np.mean(curves, axis=0).tolist()),
        still_improving=improving / count,
    )


def _train_batch(
    job: _Job,
    *,
    task: Task,
    tokenizer: WeightTokenizer,
    recipe: Recipe,
    checkpoints: int,
    progress: Callable[[int], None] | None,
) -> Batch:
    trained = train_networks(
        task,
        tokenizer,
        job.blueprints,
        job.seeds,
        recipe,
        densities=job.densities,
        checkpoints=checkpoints,
        start=job.start,
        sparse=job.sparse,
        progress=progress,
    )
    return Batch(
        tokens=trained.networks.tokens,
        open_neurons=trained.networks.open_neurons,
        gates=trained.networks.gates,
        scores=trained.scores,
        curve=trained.curve,
        still_improving=trained.still_improving,
    )
