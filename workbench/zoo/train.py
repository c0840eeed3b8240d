"""Real training of many networks at once: the recipe, its starting points and the stacked loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from generators.connectivity import keep_first
from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Blueprint
from workbench.execution import Runner, runner_of
from workbench.muon import Muon
from workbench.tasks import Split, Task, loss, score

POOL, REFRESH = 8192, 50
"""Noised examples that a stack's networks draw from, and steps until these are drawn anew: fresh noise for every
network and step would cost more than training."""

BETAS = (0.9, 0.99)
"""Of AdamW: a shorter memory than usual, since trainings are short."""

# dimension names: networks, tokens, entries as in generators; batch = examples


class Recipe(BaseModel):
    """How networks are really trained: AdamW or Muon with warm-up and cosine decay, the best validation step kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=1000, ge=10, description="optimiser steps")
    batch_size: int = Field(default=64, ge=1, description="examples a step, drawn for each network by itself")
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon: matrices of weights move by the orthogonal part of their momentum"
    )
    learning_rate: float = Field(default=5e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.1, ge=0, le=1, description="decoupled")
    input_noise: float = Field(default=0.3, ge=0, le=5, description="standard deviation added to inputs")
    check_every: int = Field(default=50, ge=1, description="steps between looks at validation")


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What real training gave.

    Attributes:
        networks: at their best validation step; with ``checkpoints`` each network at so many steps of its training
            instead, side by side.
        scores: on validation data, of each.
        curve: mean validation score at each look.
        still_improving: share of networks whose best look was the last one.
    """

    networks: Generated
    scores: Float[Tensor, " networks"]
    curve: tuple[float, ...]
    still_improving: float


def train_networks(
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
    """Train networks side by side on the task's device, in one optimizer; best of one kind (see ``batches``).

    Args:
        task: gives the examples.
        tokenizer: for the result.
        blueprints: one per network.
        seeds: one per network: start and order of examples.
        recipe: the same for all.
        densities: share of hidden neurons each network keeps: halfway the others are closed
            for good, see ``keep_first`` (all stay open by default).
        checkpoints: 0 = each network at its best step; else at so many steps, evenly spaced over the second half.
        start: weights and connectivity to go on from; by default fresh weights by seed, all open.
        sparse: networks whose weights that start as zero stay zero (those of none by default).
        progress: called with the network steps (steps times networks) done since the last call.
    """
    device = task.train.x.device
    layout = tokenizer.batch(blueprints).to(device)
    if start is None:
        start = Generated.dense(tokenizer, layout, initial_tokens(tokenizer, blueprints, seeds).to(device))
    runner = runner_of(layout)
    leaves = [part.clone().contiguous().requires_grad_() for part in runner.split(start.tokens.to(device))]
    open_tokens, gates = start.open_neurons.to(device), start.gates.to(device)

    @torch.no_grad()
    def tokens() -> Tensor:
        return runner.join(leaves)

    free: list[Tensor] = []
    if sparse is not None and bool(sparse.any()):
        learns = ~sparse.to(device)[:, None, None] | (start.tokens.to(device) != 0)
        learns[..., :LANES] = True
        free = runner.split(learns.float())
    order = torch.Generator().manual_seed(hash_seeds(seeds))
    optimizer = optimizer_of(recipe, runner, leaves)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, recipe.steps))
    best = torch.full((len(blueprints),), -1.0, device=device)
    best_look = torch.zeros(len(blueprints), dtype=torch.long, device=device)
    best_tokens = tokens()
    curve: list[float] = []
    marks = {recipe.steps - recipe.steps // 2 * i // checkpoints for i in range(checkpoints)}
    trail: list[tuple[Tensor, Tensor]] = []
    told = 0
    masks: Any | None = None if start.all_open else runner.masks(open_tokens)
    prune_at = recipe.steps // 2 if densities is not None and min(densities) < 1 else -1
    batch = min(recipe.batch_size, len(task.train))
    examples = task.train
    x = examples.x.new_empty(len(blueprints) * batch, task.inputs)
    for step in range(recipe.steps):
        if step == prune_at and densities is not None:
            open_tokens = keep_first(layout, torch.tensor(densities, dtype=best.dtype, device=device))
            masks = runner.masks(open_tokens)
            best.fill_(-1.0)
        if recipe.input_noise and step % REFRESH == 0:
            examples = noised(task.train, recipe.input_noise, order)
        index = torch.randint(len(examples), (len(blueprints), batch), generator=order).to(device)
        torch.index_select(examples.x, 0, index.flatten(), out=x)
        logits = runner.run(leaves, masks, gates, x.view(*index.shape, -1))
        total = loss(logits, examples.y[index]).sum()
        gradients = torch.autograd.grad(total, leaves, materialize_grads=True)
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = gradient.contiguous()  # fused AdamW silently learns nothing from other strides than the leaf's
        optimizer.step()
        if free:
            with torch.no_grad():
                for leaf, factor in zip(leaves, free, strict=True):
                    leaf.mul_(factor)
        schedule.step()
        if (step + 1) % recipe.check_every == 0 or step + 1 == recipe.steps or step + 1 in marks:
            with torch.no_grad():
                logits = runner.run(leaves, masks, gates, task.validation.x)
            now = torch.nan_to_num(score(logits.softmax(-1), task.validation.y), nan=0.0)
            best_look[now > best] = len(curve)
            better = now >= best
            best = torch.where(better, now, best)
            best_tokens = torch.where(better[:, None, None], tokens(), best_tokens)
            curve.append(float(now.mean()))
            if step + 1 in marks:
                trail.append((tokens(), now))
            if progress is not None:
                progress((step + 1 - told) * len(blueprints))
                told = step + 1
    if trail:
        layout = tokenizer.batch([b for b in blueprints for _ in trail]).to(device)
        best_tokens = torch.stack([kept for kept, _ in trail], 1).flatten(0, 1)
        best = torch.stack([scores for _, scores in trail], 1).flatten()
        open_tokens, gates = (part.repeat_interleave(len(trail), 0) for part in (open_tokens, gates))
    networks = Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=best_tokens,
        open_neurons=open_tokens,
        gates=gates,
    )
    return Trained(
        networks=networks,
        scores=best,
        curve=tuple(curve),
        still_improving=float((best_look == len(curve) - 1).float().mean()),
    )


def optimizer_of(recipe: Recipe, runner: Runner, leaves: Sequence[Tensor]) -> torch.optim.Optimizer:
    """The recipe's, for tensors as ``runner.split`` makes them; padding moves no network otherwise."""
    lr, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(leaves, lr=lr, betas=BETAS, weight_decay=decay, fused=True)
    matrices = runner.matrices(leaves)
    longer = {}
    for leaf, there in zip(matrices, runner.matrices(runner.split(runner.layout.used.float())), strict=True):
        sides = torch.stack([there.amax(2).sum(1), there.amax(1).sum(1)])
        longer[leaf] = sides.amax(0)[:, None, None]
    rest = [leaf for leaf in leaves if leaf not in longer]
    return Muon(matrices, rest, lr=lr, betas=BETAS, weight_decay=decay, fused=True, longer=longer)


def noised(split: Split, size: float, random: torch.Generator) -> Split:
    """``POOL`` random examples with Gaussian noise of standard deviation ``size`` added."""
    index = torch.randint(len(split), (POOL,), generator=random).to(split.x.device)
    noise = torch.randn(POOL, split.x.shape[1], generator=random).to(split.x.device)
    return Split(x=torch.add(split.x[index], noise, alpha=size), y=split.y[index])


def warm_cosine(step: int, steps: int) -> float:
    """Factor of the learning rate: linear over the first 5 %, then half a cosine down to 1 %."""
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def hash_seeds(seeds: Sequence[int]) -> int:
    """One seed from many."""
    value = 17
    for seed in seeds:
        value = (value * 1_000_003 + seed) % 2**63
    return value
