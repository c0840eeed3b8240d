"""What a generator of supernets is trained for: to emit good weights for every discrete architecture in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from generators.generator import Generator
from search_spaces.relaxation import discrete
from workbench.execution import run_parts
from workbench.relaxed.mixture import Mixture, emit, gumbel
from workbench.tasks import Task, loss
from workbench.training.config import TrainingConfig
from workbench.training.objectives import Objective, noised


@final
class SupernetObjective(Objective):
    """Mean loss of architectures drawn uniformly from supernets, on training examples.

    One option of each gene is open, drawn uniformly (Guo et al. 2020, arXiv:1904.00420, section 3.2): no option is
    trained more than another, which would prefer it later, and closed ones need not be run.

    Args:
        task: gives the training examples.
        mixtures: drawn from uniformly.
        config: sizes, noise and seed.
    """

    def __init__(self, task: Task, mixtures: Sequence[Mixture], config: TrainingConfig) -> None:
        super().__init__(config.seed)
        self.task, self.mixtures, self.config = task, mixtures, config

    def loss(self, generator: Generator) -> Float[Tensor, ""]:
        """Cross-entropy in nats, mean over networks and examples."""
        picks = torch.randint(len(self.mixtures), (self.config.architectures,), generator=self.random).tolist()
        chosen = [self.mixtures[pick] for pick in picks]
        corners = [mixture.corner(gumbel(mixture.options, self.random)) for mixture in chosen]
        parts = [discrete(m.relaxation, m.genome(corner)) for m, corner in zip(chosen, corners, strict=True)]
        x, y = self.examples(self.task.train, self.config.batch_size)
        x = noised(x, self.config.input_noise, self.random)
        return loss(run_parts(emit(generator, chosen, corners), parts, x), y).mean()

    def place(self, device: torch.device) -> None:
        """The task's examples."""
        self.task = self.task.to(device)
