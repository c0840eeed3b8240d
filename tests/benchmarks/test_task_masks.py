"""Masks whose inputs are those of another task, as ``benchmarks.task_masks`` swaps them."""

import numpy as np
import pytest
import torch

from benchmarks.task_masks import agreement, input_counts, reordered, swapped
from generators.generated import Generated
from generators.registry import make_generator
from search_spaces import Blueprint, MLPSpace
from workbench.evaluation.connectivity import kept_weights
from workbench.tasks import load_task

SPACE = MLPSpace(inputs=6, outputs=3, depths=(1, 2), widths=(10,), activations=("relu",))
BLUEPRINTS = [Blueprint.of(SPACE.sample(np.random.default_rng(seed))) for seed in (0, 1, 2)]


def sparse() -> Generated:
    torch.manual_seed(0)
    generator = make_generator("mlp", {"d": 8, "hidden": 16, "layers": 1})
    return generator.generate(BLUEPRINTS, range(len(BLUEPRINTS)), weights=0.3)


def first_weights(networks: Generated, n: int) -> np.ndarray:
    values = networks.state_dict(n)
    return values[next(s.name for s in BLUEPRINTS[n].parameters if s.role == "weight")].numpy()


def test_inputs_are_counted_as_by_hand() -> None:
    networks = sparse()
    counts = input_counts(networks, 6)
    for n, row in enumerate(counts):
        assert row.tolist() == (first_weights(networks, n) != 0).sum(0).tolist()
    assert counts.sum() > 0


def test_a_swap_moves_weights_of_the_first_layer_alone() -> None:
    networks = sparse()
    masks = kept_weights(networks)
    one = np.zeros((3, 6))
    one[:, 4] = 1e6
    moved = swapped(networks, masks, one)
    assert torch.equal(masks.sum(), moved.sum())
    assert torch.equal(masks, kept_weights(networks))  # what was given is left as it is
    for n, blueprint in enumerate(BLUEPRINTS):
        layout = networks.layout
        last = layout.node[n] == len(blueprint.architecture.nodes) - 1
        assert torch.equal(masks[n][last], moved[n][last])
        assert torch.equal(masks[n].sum(1), moved[n].sum(1))  # every neuron keeps as many
    with_any = (masks & (networks.layout.node == 1)[..., None]).any(2)
    assert bool(moved[..., 4][with_any].all())


def test_agreement_finds_an_order_that_is_put_back() -> None:
    task = load_task("digits")
    order = np.random.default_rng(0).permutation(task.inputs)
    other = reordered(task, order.tolist())
    assert torch.equal(other.train.x[:, np.argsort(order)], task.train.x)
    counts = np.random.default_rng(1).random((2, task.inputs))
    assert agreement(counts, counts[:, order][:, np.argsort(order)]) == pytest.approx([1, 1])
    assert np.all(np.abs(agreement(counts, counts[:, order])) < 0.5)
