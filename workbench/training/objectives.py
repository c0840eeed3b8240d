"""What a generator is trained for: the task's own loss, or trained networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from generators.collection import Collection
from generators.generated import Generated
from generators.generator import Condition, Decoder, Denoiser, Generator
from generators.heads import to_values
from search_spaces import Blueprint, WeightloomError
from workbench.execution import run
from workbench.tasks import Split, Task, loss
from workbench.training.config import TrainingConfig

# dimension names: networks, batch, classes as in workbench.tasks


class Objective(nn.Module, ABC):
    """A loss of the generator, drawn anew at each step from a random stream of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = torch.Generator().manual_seed(seed)

    @abstractmethod
    def loss(self, generator: Generator) -> Float[Tensor, ""]:
        """The loss of one step."""

    @abstractmethod
    def place(self, device: torch.device) -> None:
        """Move what it draws from to the device that the generator is trained on."""

    def window(self, size: int, count: int) -> list[int]:
        """``count`` random places out of a random stretch of ``size`` sorted ones, so that they are alike."""
        span = min(size, max(4 * count, size // 4))
        start = int(torch.randint(size + span, (1,), generator=self.random)) - span // 2
        start = max(0, min(start, size - span))
        return [start + pick for pick in torch.randint(span, (count,), generator=self.random).tolist()]

    def examples(self, split: Split, count: int) -> tuple[Float[Tensor, "batch inputs"], Int[Tensor, " batch"]]:
        """Random examples and their classes."""
        index = torch.randint(len(split), (count,), generator=self.random)
        index = index.to(split.x.device)
        return split.x[index], split.y[index]


class TaskObjective(Objective):
    """Mean loss of generated networks on examples of the task, plus a diversity term.

    Args:
        task: gives the training examples.
        blueprints: training architectures, drawn in groups of like size to save padding.
        config: sizes, noise, densities, shares of weights, weight and target of the diversity term.
    """

    def __init__(self, task: Task, blueprints: Sequence[Blueprint], config: TrainingConfig) -> None:
        super().__init__(config.seed)
        if config.diversity and (config.latents < 2 or config.diversity_target is None):
            raise WeightloomError(
                f"training: diversity needs latents of at least 2 and a diversity_target, "
                f"got {config.latents} and {config.diversity_target}"
            )
        self.task = task
        self.blueprints = sorted(blueprints, key=lambda b: (b.parameter_count, b.key))
        self.config = config

    def loss(self, generator: Generator) -> Float[Tensor, ""]:
        """Cross-entropy in nats, mean over networks and examples; see ``diversity_loss`` for the term added."""
        c = self.config
        places = self.window(len(self.blueprints), c.architectures)
        chosen = [self.blueprints[place] for place in places for _ in range(c.latents)]
        seeds = torch.randint(2**62, (len(chosen),), generator=self.random).tolist()
        latent = generator.draw_latent(chosen, seeds).to(generator.device)
        condition = Condition(
            density=self._densities(len(chosen)).to(generator.device),
            weights=self._weights(len(chosen)).to(generator.device),
        )
        generated = generator(chosen, latent, condition)
        x, y = self.examples(self.task.train, c.batch_size)
        clear = noised(x, c.input_noise, self.random)
        if not c.diversity:
            return loss(run(generated, clear), y).mean()
        assert c.diversity_target is not None
        logits = run(generated, torch.cat([clear, noised(x, c.diversity_noise, self.random)]))
        wrong = loss(logits[:, : len(x)], y).mean()
        return wrong + c.diversity * diversity_loss(logits[:, len(x) :], c.latents, c.diversity_target)

    def place(self, device: torch.device) -> None:
        """The task's examples."""
        self.task = self.task.to(device)

    def _densities(self, count: int) -> Float[Tensor, " networks"]:
        c = self.config
        density = c.least_density + (1 - c.least_density) * torch.rand(count, generator=self.random)
        sparse = torch.rand(count, generator=self.random) < c.sparse_share
        return torch.where(sparse, density, torch.ones(count))

    def _weights(self, count: int) -> Float[Tensor, " networks"]:
        c = self.config
        if not c.weights_share:
            return torch.ones(count)
        share = c.least_weights ** torch.rand(count, generator=self.random)
        sparse = torch.rand(count, generator=self.random) < c.weights_share
        return torch.where(sparse, share, torch.ones(count))


class ZooObjective(Objective):
    """Trained networks: denoise them (diffusion) or reconstruct each from a code of its own (the others).

    The codes are learned beside the generator and kept near N(0, 1) (Bojanowski et al. 2018, GLO,
    arXiv:1707.05776), so that fresh latents can be drawn from it.

    Args:
        generator: decides which of the two.
        training: the zoo's training networks.
        config: sizes.
    """

    def __init__(self, generator: Generator, training: Collection, config: TrainingConfig) -> None:
        super().__init__(config.seed + 1)
        self.zoo = training
        counts = torch.tensor([b.parameter_count for b in training.blueprints])
        self.order = torch.argsort(counts).tolist()
        self.count = config.architectures * config.latents
        self.codes: nn.Embedding | None = None
        if isinstance(generator, Denoiser):
            generator.prepare(training)
        else:
            assert isinstance(generator, Decoder), "a family with a zoo mode denoises or decodes"
            self.codes = nn.Embedding(len(training), generator.latent)

    def loss(self, generator: Generator) -> Float[Tensor, ""]:
        """Mean squared error in natural units, mean over networks."""
        index = [self.order[place] for place in self.window(len(self.order), self.count)]
        networks = self.zoo.select(index)
        density = open_share(networks)
        condition = Condition(density=density, weights=torch.ones_like(density))
        if isinstance(generator, Denoiser):
            return generator.zoo_loss(networks, condition, self.random).mean()
        assert self.codes is not None
        code = self.codes(torch.tensor(index, device=generator.device))
        emitted = generator(networks.blueprints, code, condition)
        (got, _), (wanted, _) = to_values(emitted), to_values(networks)
        used = networks.layout.used
        error = ((got - wanted).square() * used).sum((1, 2)) / used.sum((1, 2))
        return error.mean() + 1e-3 * code.square().mean()

    def place(self, device: torch.device) -> None:
        """Networks that are selected."""
        self.zoo = self.zoo.to(device)


def open_share(networks: Generated) -> Float[Tensor, " networks"]:
    """Share of each network's closable neurons that are open (1 where there are none)."""
    closable = (networks.layout.maskable & (networks.layout.chunk == 0)).float()
    total = closable.sum(1)
    return torch.where(total > 0, (networks.open_neurons * closable).sum(1) / total.clamp_min(1), 1.0)


def noised(x: Float[Tensor, "batch inputs"], size: float, random: torch.Generator) -> Float[Tensor, "batch inputs"]:
    """``x`` plus Gaussian noise of standard deviation ``size``."""
    return x + size * torch.randn(x.shape, generator=random).to(x.device)


def neighbour_distance(
    logits: Float[Tensor, "networks batch classes"], latents: int
) -> Float[Tensor, "architectures latents"]:
    """Hellinger distance between neighbouring networks of one architecture, mean over examples, 0..1."""
    root = logits.softmax(-1).clamp_min(1e-8).sqrt().view(-1, latents, *logits.shape[1:])
    affinity = (root * root.roll(1, dims=1)).sum(-1)
    return (1 - affinity).clamp_min(1e-6).sqrt().mean(-1)


@torch.no_grad()
def real_distance(real: Generated, seeds: int, task: Task, config: TrainingConfig) -> float:
    """``neighbour_distance`` of really trained networks on training examples with the term's own noise."""
    random = torch.Generator().manual_seed(config.seed)
    x = noised(task.train.x[:256], config.diversity_noise, random)
    return float(neighbour_distance(run(real, x), seeds).mean())


def diversity_loss(logits: Float[Tensor, "networks batch classes"], latents: int, target: float) -> Float[Tensor, ""]:
    """How far ``neighbour_distance`` falls short of ``target``, as a share of it.

    Nothing is gained above the target, so that broken networks are not rewarded.
    """
    return (target - neighbour_distance(logits, latents)).clamp_min(0).mean() / target
