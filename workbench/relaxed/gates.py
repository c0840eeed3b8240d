"""Gates optimised through a generator that stays as it is: by samples that start soft and end discrete."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from generators.generator import Generator
from search_spaces import RunFailed
from workbench.execution import run
from workbench.relaxed.mixture import Mixture, emit, gumbel
from workbench.tasks import Split, loss
from workbench.training.objectives import noised

# dimension names: options as in workbench.relaxed.mixture


class GateConfig(BaseModel):
    """How gates are optimised; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=150, ge=1, description="optimiser steps")
    networks: int = Field(default=4, ge=1, description="sampled networks in one step")
    batch_size: int = Field(default=64, ge=1, description="examples in one step, shared by its networks")
    learning_rate: float = Field(default=0.1, gt=0, le=10, description="of the logits, by Adam")
    temperature: float = Field(default=1.0, gt=0, le=100, description="of the logits at the first step")
    last_temperature: float = Field(default=0.1, gt=0, le=100, description="at the last step; low ones are one-hot")
    cost: Literal["flops", "parameters"] = Field(default="flops", description="what is weighed against the loss")
    cost_weight: float = Field(
        default=0.0, ge=0, le=1000, description="nats that the cost of a uniformly drawn architecture counts for"
    )


def optimise(
    generator: Generator, mixtures: Sequence[Mixture], split: Split, config: GateConfig, *, seed: int, noise: float
) -> list[Float[Tensor, " options"]]:
    """Logits of every mixture's options; divided by the last temperature they are nearly one-hot.

    Each step samples chances: a softmax of the logits plus Gumbel noise, both divided by a temperature that falls
    exponentially, so that samples start soft and end as discrete architectures (the concrete distribution, Maddison
    et al. 2017, arXiv:1611.00712, eq. 10; in search, Xie et al. 2019, arXiv:1812.09926, section 2.2). Straight-through
    samples, one-hot in the forward pass (Dong & Yang 2019, arXiv:1910.04465), were tried and left: where ``none`` is
    sampled its neighbours have no gradient behind a relu, so that the least cost closes everything.

    Deviations: the logits are divided by the temperature too, so that the choice itself becomes certain; several
    samples a step; the weights are not trained meanwhile, so that they cannot come to suit the gates, which is what
    makes skips win.

    Args:
        generator: emits weights; not changed.
        mixtures: those sampled in a step are drawn uniformly.
        split: gives the examples.
        config: sizes, rates and the weight of the expected cost, which is added to the loss.
        seed: of samples and examples.
        noise: standard deviation added to inputs.

    Raises:
        RunFailed: the loss became NaN.
    """
    random = torch.Generator().manual_seed(seed)
    generator.requires_grad_(False)
    logits = [torch.zeros(mixture.options, requires_grad=True) for mixture in mixtures]
    usual = [float(m.cost(m.chances(torch.zeros(m.options))[None], config.cost)[0]) for m in mixtures]
    optimizer = torch.optim.Adam(logits, lr=config.learning_rate)
    for step in range(config.steps):
        temperature = _between(config.temperature, config.last_temperature, step / max(1, config.steps - 1))
        picks = torch.randint(len(mixtures), (config.networks,), generator=random).tolist()
        chosen = [mixtures[pick] for pick in picks]
        samples = [
            mixtures[pick].chances((logits[pick] + gumbel(len(logits[pick]), random)) / temperature) for pick in picks
        ]
        index = torch.randint(len(split), (config.batch_size,), generator=random)
        x, y = noised(split.x[index], noise, random), split.y[index]
        total = loss(run(emit(generator, chosen, samples), x), y).mean()
        if config.cost_weight:
            for pick in picks:
                chances = mixtures[pick].chances(logits[pick] / temperature)[None]
                cost = mixtures[pick].cost(chances, config.cost)[0] / usual[pick]
                total = total + config.cost_weight * cost / len(picks)
        if not math.isfinite(float(total.detach())):
            raise RunFailed(
                f"relaxed gates: the loss became {float(total.detach())} at step {step}; train the generator longer, "
                f"or lower the learning rate of the gates ({config.learning_rate})"
            )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return [values.detach() for values in logits]


def _between(first: float, last: float, share: float) -> float:
    """Geometrically."""
    return float(first * (last / first) ** share)
