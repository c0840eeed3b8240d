"""Training a topology generator: what it emits is scored with the weights that a weight generator gives it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from generators.topology import TopologyConfig, TopologyGenerator, budget
from search_spaces import Architecture, RunFailed, SearchSpace
from search_spaces.operations import flops
from search_spaces.rules import Emission, Rules

# dimension names: walks = architectures of one step

Scores = Callable[[Sequence[Architecture]], Float[np.ndarray, " architectures"]]
"""The score of each architecture with generated weights, 0 to 1; such as ``GeneratedScores.scores``."""
LOOKED_AT = 200
"""Random architectures that the range of budgets is read off."""
RANGE = (0.1, 0.9)
"""Quantiles of their FLOPs between which budgets are drawn."""


class TopologyTraining(BaseModel):
    """How a topology generator is trained; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=100, ge=1, description="optimiser steps, each with a budget of its own")
    architectures: int = Field(default=24, ge=2, description="architectures that are emitted and scored in one step")
    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    entropy: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="share of the entropy of choices made evenly; below it entropy is rewarded, so that latents keep "
        "giving differing architectures",
    )
    entropy_weight: float = Field(default=1.0, ge=0, description="of each nat that is missing")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of first weights, budgets and latents")


@dataclass(frozen=True, kw_only=True)
class TopologyTrained:
    """What training a topology generator gave.

    Attributes:
        generator: in evaluation mode.
        seconds: of processor time, scoring included.
        curve: (step, mean score of the step's architectures, mean entropy of their choices in nats).
    """

    generator: TopologyGenerator
    seconds: float
    curve: tuple[tuple[int, float, float], ...]


def train_topology(
    space: SearchSpace,
    scores: Scores,
    config: TopologyTraining,
    *,
    d: int = 64,
    rules: Rules | None = None,
    told: Callable[[int, int], None] | None = None,
) -> TopologyTrained:
    """Policy gradient: choices of architectures that score above the others of the same step become more likely.

    The gradient of log-chance times advantage (Williams 1992, REINFORCE, as in Zoph & Le 2017, arXiv:1611.01578, eq.
    3), the advantage of each being its score less the mean of the others' of the step, which have the same budget
    (Kool et al. 2019, leave-one-out baseline), over the step's standard deviation. Where entropy falls below
    its share ``entropy`` of that of choices made evenly, each missing nat costs ``entropy_weight``; nothing is gained
    above it. Budgets are drawn evenly in their
    logarithm; budget and rules are kept by construction, so they need no term.

    Args:
        space: whose architectures are emitted.
        scores: what is to be high, on validation data.
        config: sizes.
        d: width of the generator.
        rules: that all architectures keep.
        told: of each step and of how many there are.

    Raises:
        WeightloomError: no architecture keeps the rules.
        RunFailed: the loss became NaN.
    """
    began = time.process_time()
    low, high = flops_range(space, rules, config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator = TopologyGenerator(TopologyConfig(d=d, least_flops=low, most_flops=high))
    rng = np.random.default_rng(config.seed)
    optimizer = torch.optim.Adam(generator.parameters(), lr=config.learning_rate)
    curve: list[tuple[int, float, float]] = []
    for step in range(config.steps):
        most = float(np.exp(rng.uniform(math.log(low), math.log(high))))
        emission = Emission(space, budget(rules, most))
        seeds = rng.integers(2**62, size=config.architectures).tolist()
        found = generator.walked(emission, seeds, most)
        got = scores([architecture for architecture, _ in found])
        chance, entropy = generator.distribution([steps for _, steps in found], [most] * len(found))
        most_entropy = np.mean([sum(math.log(len(free)) for free in steps.allowed) for _, steps in found])
        missing = (config.entropy * float(most_entropy) - entropy.mean()).clamp_min(0)
        loss = config.entropy_weight * missing - (advantage(got) * chance).mean()
        if not bool(torch.isfinite(loss)):
            raise RunFailed(
                f"training of a topology generator: the loss became {float(loss.detach())} at step {step}; "
                f"lower the learning rate ({config.learning_rate})"
            )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
        optimizer.step()
        curve.append((step, float(got.mean()), float(entropy.detach().mean())))
        if told is not None:
            told(step + 1, config.steps)
    return TopologyTrained(generator=generator.eval(), seconds=time.process_time() - began, curve=tuple(curve))


def advantage(scores: Float[np.ndarray, " walks"]) -> Float[Tensor, " walks"]:
    """Each score less the mean of the others, in standard deviations of them all; 0 where all are equal."""
    others = (scores.sum() - scores) / (len(scores) - 1)
    return torch.from_numpy((scores - others) / max(float(scores.std()), 1e-6)).float()


def flops_range(space: SearchSpace, rules: Rules | None, seed: int) -> tuple[float, float]:
    """The ``RANGE`` of FLOPs of random architectures that keep the rules: budgets that mean something."""
    rng, emission = np.random.default_rng(seed), Emission(space, rules or Rules())
    low, high = np.quantile([max(1, flops(emission.sample(rng))) for _ in range(LOOKED_AT)], RANGE)
    return float(low), float(high)
