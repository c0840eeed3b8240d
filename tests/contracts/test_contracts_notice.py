"""Controls: what breaks an obligation fails the contract's test for it."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from generators.generated import Generated
from generators.generator import Condition, Generator
from generators.mlp import MLPConfig, MLPGenerator
from generators.testing import GeneratorContract, small_architectures
from generators.tokens import BatchLayout
from search_spaces import Blueprint, Choice, Genome, MLPSpace, Product, Switch, Tree, WeightloomError
from search_spaces.assembly import Assembly
from search_spaces.testing import SpaceContract
from workbench.tasks import Split, Task, load_task
from workbench.tasks.testing import TaskContract

BLUEPRINTS = [Blueprint.of(architecture) for architecture in small_architectures()]
Change = Callable[[Generated], Generated]


class Spoiled(MLPGenerator):
    """The feed-forward family with one thing wrong."""

    change: Change = staticmethod(lambda generated: generated)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        return self.change(super().emit(layout, latent, condition))


def spoiled(change: Change) -> Generator:
    torch.manual_seed(0)
    generator = Spoiled(MLPConfig(token_width=4, d=16, hidden=24, layers=1, latent=6))
    generator.change = change
    return generator


def close_a_neuron(generated: Generated) -> Generated:
    mask = generated.open_neurons.clone()
    mask[generated.layout.maskable & (generated.layout.neuron == 0)] = 0
    return replace(generated, open_neurons=mask)


CONTRACT = GeneratorContract()
BROKEN: dict[str, tuple[Change, Callable[..., Any]]] = {
    "a NaN": (lambda g: replace(g, tokens=g.tokens * torch.nan), CONTRACT.test_emits_every_parameter),
    "double": (lambda g: replace(g, tokens=g.tokens.double()), CONTRACT.test_device_and_type),
    "padding": (lambda g: replace(g, tokens=g.tokens + 1), CONTRACT.test_device_and_type),
    "global randomness": (
        lambda g: replace(g, tokens=g.tokens + torch.randn(g.tokens.shape)),
        CONTRACT.test_same_seed_same_network,
    ),
    "deaf to the seed": (
        lambda g: replace(g, tokens=torch.ones_like(g.tokens) * g.layout.used),
        CONTRACT.test_other_seed_other_network,
    ),
    "neighbours matter": (
        lambda g: replace(g, tokens=g.tokens + g.tokens.mean() * g.layout.used),
        CONTRACT.test_batch_equals_single,
    ),
    "no gradient": (Generated.detach, CONTRACT.test_gradient_reaches_every_parameter),
    "gates without gradient": (lambda g: replace(g, gates=g.gates.detach()), CONTRACT.test_gates_pass_gradient),
}


@pytest.mark.parametrize("name", BROKEN)
def test_generator_contract_notices(name: str) -> None:
    change, check = BROKEN[name]
    with pytest.raises((AssertionError, RuntimeError)):
        check(generator=spoiled(change), blueprints=BLUEPRINTS)
    check(generator=spoiled(lambda generated: generated), blueprints=BLUEPRINTS)


@pytest.mark.parametrize(
    "change", [close_a_neuron, lambda g: replace(g, gates=g.gates * 0.9)], ids=["a neuron closed", "half a gate"]
)
def test_generator_contract_notices_connectivity(change: Change) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_connectivity(spoiled(change), BLUEPRINTS, 1.0)
    CONTRACT.test_connectivity(spoiled(lambda generated: generated), BLUEPRINTS, 1.0)


class Forgetful(MLPSpace):
    """Composes by chance."""

    def assemble(self, graph: Assembly, genome: Genome) -> None:
        super().assemble(graph, {**genome, "norm": random.choice(["none", "layer"])})


class Clashing(MLPSpace):
    """A name with other options in another branch."""

    @property
    def tree(self) -> Tree:
        return Switch("depth", ((1, Choice("width_1", (2, 3))), (2, Product((Choice("width_1", (4, 5)),)))))


def test_space_contract_notices() -> None:
    contract = SpaceContract()
    forgetful = Forgetful(inputs=3, outputs=2)
    with pytest.raises((AssertionError, WeightloomError)):
        contract.test_samples_are_valid_and_repeat(forgetful)
    with pytest.raises(AssertionError):
        contract.test_tree_is_well_formed(Clashing(inputs=3, outputs=2))

    class Miscounted(MLPSpace):
        size = 7  # type: ignore[assignment, misc]

    with pytest.raises(AssertionError):
        contract.test_size(Miscounted(inputs=3, outputs=2, depths=(1,), widths=(2,), activations=("relu",)))


def test_task_contract_notices() -> None:
    contract, task = TaskContract(), load_task("digits")
    contract.test_splits_do_not_overlap(task)
    contract.test_standardised(task)
    with pytest.raises(AssertionError):
        contract.test_splits_do_not_overlap(replace(task, validation=Split(x=task.train.x[:50], y=task.train.y[:50])))
    with pytest.raises(AssertionError):
        contract.test_standardised(replace(task, train=Split(x=task.train.x + 0.1, y=task.train.y)))
    seeds = iter(range(9))

    def make() -> Task:
        noise = torch.from_numpy(np.random.default_rng(next(seeds)).normal(size=task.train.x.shape)).float()
        return replace(task, train=Split(x=task.train.x + noise, y=task.train.y))

    with pytest.raises(AssertionError):
        contract.test_deterministic(make)
