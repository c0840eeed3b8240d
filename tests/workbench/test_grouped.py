"""Networks that do not stack: run together, predicted, and really trained."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_loop import run_looped

from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Architecture, Blueprint, MLPSpace
from search_spaces.network import GraphNetwork
from workbench.execution import (
    GroupRunner,
    StackRunner,
    batches,
    grouped,
    predict,
    run,
    run_grouped,
    runner_of,
    stackable,
)
from workbench.tasks import Task, split_task
from workbench.zoo import Recipe, train_sorted

vmap = torch.vmap
TOKENIZER = WeightTokenizer(width=5)


def networks(architectures: list[Architecture], seed: int = 0) -> Generated:
    blueprints = [Blueprint.of(a) for a in architectures]
    layout = TOKENIZER.batch(blueprints)
    random = torch.Generator().manual_seed(seed)
    tokens = layout.centre + layout.scale * torch.randn(layout.used.shape, generator=random)
    made = Generated.dense(TOKENIZER, layout, tokens)
    return replace(made, gates=made.gates * (torch.rand(made.gates.shape, generator=random) > 0.4))


def dense(count: int) -> list[Architecture]:
    rng = np.random.default_rng(0)
    return [MLPSpace(inputs=12, outputs=3, widths=(2, 5)).sample(rng) for _ in range(count)]


def small_task() -> Task:
    """Which of three bumps an example of 2 x 6 values has."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(0, 0.5, (400, 2, 6))
    for i in range(3):
        x[y == i, 0, 2 * i : 2 * i + 2] += 1.5
    return split_task("bumps", x, y, shape=(2, 6))


def test_groups_give_what_each_network_gives(mixed_architectures: list[Architecture]) -> None:
    generated = networks(mixed_architectures * 2)
    for x in (torch.randn(5, 12), torch.randn(6, 5, 12)):
        expected = run_looped(generated, x)
        torch.testing.assert_close(run_grouped(generated, x), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(run(generated, x), expected, atol=1e-5, rtol=1e-4)
    for i in range(2):
        torch.testing.assert_close(generated.network(i)(x[i]), expected[i], atol=1e-5, rtol=1e-4)


def test_batches_of_both_kinds_keep_their_order(mixed_architectures: list[Architecture]) -> None:
    mixture = [a for pair in zip(mixed_architectures, dense(3), strict=True) for a in pair]
    generated = networks(mixture)
    x = torch.randn(5, 12)
    expected = run_looped(generated, x)
    torch.testing.assert_close(run(generated, x), expected, atol=1e-5, rtol=1e-4)
    own = x.expand(6, -1, -1) + torch.arange(6)[:, None, None]
    torch.testing.assert_close(run(generated, own), run_looped(generated, own), atol=1e-4, rtol=1e-4)
    for at_once in (1, 2, 100):
        torch.testing.assert_close(predict(generated, x, at_once), expected.softmax(-1), atol=1e-5, rtol=1e-4)
        parts = batches(generated.blueprints, at_once)
        assert sorted(i for part in parts for i in part) == list(range(6))
        for part in parts:
            assert len(part) <= at_once
            assert len({stackable([generated.blueprints[i]]) for i in part}) == 1


def test_connectivity_has_gradients(mixed_architectures: list[Architecture]) -> None:
    generated = networks(mixed_architectures)
    gates = torch.full_like(generated.gates, 0.5, requires_grad=True)
    tokens = generated.tokens.clone().requires_grad_()
    run(replace(generated, gates=gates, tokens=tokens), torch.randn(5, 12)).square().sum().backward()
    assert gates.grad is not None
    assert tokens.grad is not None
    assert bool((gates.grad != 0).all())
    assert not bool(tokens.grad[~generated.layout.used].any())
    assert bool((tokens.grad[generated.layout.used] != 0).float().mean() > 0.5)


def test_runners_split_and_join(mixed_architectures: list[Architecture]) -> None:
    for architectures, kind in ((mixed_architectures, GroupRunner), (dense(4), StackRunner)):
        generated = networks(architectures)
        runner = runner_of(generated.layout)
        assert isinstance(runner, kind)
        leaves = runner.split(generated.tokens)
        assert torch.equal(runner.join(leaves), generated.tokens)
        x = torch.randn(5, 12)
        logits = runner.run(leaves, runner.masks(generated.open_neurons), generated.gates, x).clone()
        torch.testing.assert_close(logits, run(generated, x))
        torch.testing.assert_close(logits, runner.run(leaves, None, generated.gates, x))


def test_networks_of_any_operations_are_really_trained(mixed_architectures: list[Architecture]) -> None:
    task = small_task()
    blueprints = [Blueprint.of(a) for a in [*mixed_architectures, *dense(2)]]
    recipe = Recipe(steps=150, batch_size=32, check_every=25, learning_rate=0.01)
    densities = [1.0, 1.0, 1.0, 0.5, 0.5]
    trained = train_sorted(task, TOKENIZER, blueprints, list(range(5)), recipe, densities=densities)
    assert trained.networks.blueprints == tuple(blueprints)
    probabilities = predict(trained.networks, task.validation.x)
    scores = (probabilities.argmax(-1) == task.validation.y).float().mean(-1)
    torch.testing.assert_close(scores, trained.scores)
    assert bool((scores[:3] > 0.9).all()), scores  # dense ones may be pruned to one neuron
    again = train_sorted(task, TOKENIZER, blueprints, list(range(5)), recipe, densities=densities)
    assert torch.equal(again.networks.tokens, trained.networks.tokens)


def test_training_one_network_is_adam_on_its_module(mixed_architectures: list[Architecture]) -> None:
    """One step of the grouped loop is one step of torch's own on the plain module."""
    task = small_task()
    blueprint = Blueprint.of(mixed_architectures[0])
    layout = TOKENIZER.batch([blueprint])
    runner = runner_of(layout)
    leaves = [leaf.clone().requires_grad_() for leaf in runner.split(initial_tokens(TOKENIZER, [blueprint], [3]))]
    module = GraphNetwork(blueprint.architecture)
    module.load_state_dict(TOKENIZER.detokenize(initial_tokens(TOKENIZER, [blueprint], [3])[0], blueprint))
    x, y = task.train.x[:32], task.train.y[:32]
    torch.nn.functional.cross_entropy(module(x), y).backward()
    logits = runner.run(leaves, None, layout.edge_real.float(), x)
    torch.nn.functional.cross_entropy(logits[0], y).backward()
    joined = runner.join([leaf.grad for leaf in leaves if leaf.grad is not None])
    for name, gradient in TOKENIZER.detokenize(joined[0], blueprint).items():
        own = dict(module.named_parameters())[name].grad
        torch.testing.assert_close(gradient, own, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("change", [{"norms": ("rms",)}, {"activations": ("elu", "sigmoid")}, {"units": ("gated",)}])
def test_deepened_mlps_are_exact(change: dict[str, tuple[str, ...]]) -> None:
    """What a stack does not know must not be taken for what it knows."""
    settings = {"inputs": 12, "outputs": 3, "widths": (3, 5), "wirings": ("skips", "residual", "dense"), **change}
    space, rng = MLPSpace(**settings), np.random.default_rng(0)  # type: ignore[arg-type]
    generated = networks([space.sample(rng) for _ in range(6)])
    x = torch.randn(5, 12)
    torch.testing.assert_close(run(generated, x), run_looped(generated, x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "rank"), [(name, rank) for name in SPACES.names() for rank in SPACES.load(name).ranks]
)
def test_all_ways_agree_in_every_space(name: str, rank: int) -> None:
    """Each architecture twice, so that batches have both repeats and others; gradients of the tokens too."""
    shape = {1: (12,), 2: (2, 12), 3: (1, 8, 8)}[rank]
    space, rng = SPACES.load(name)(inputs=math.prod(shape), outputs=3, shape=shape), np.random.default_rng(1)
    generated = networks([a for _ in range(2) for a in [space.sample(rng)] * 2])
    tokens = generated.tokens.detach().requires_grad_()
    generated = replace(generated, tokens=tokens)
    x = torch.randn(3, math.prod(shape), generator=torch.Generator().manual_seed(0))
    found = []
    for way in (run, run_grouped, run_looped):
        logits = way(generated, x)
        found.append((logits, *torch.autograd.grad(logits.square().sum(), tokens)))
    for logits, gradient in found[:2]:
        torch.testing.assert_close(logits, found[2][0], atol=1e-5, rtol=1e-4)
        size = float(found[2][1].abs().max().clamp_min(1))
        torch.testing.assert_close(gradient / size, found[2][1] / size, atol=1e-5, rtol=1e-3)


def test_networks_that_fill_a_cache_run_apart(
    mixed_architectures: list[Architecture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values and gradients are those of ``vmap``, whether a neuron is closed or none."""
    torch.manual_seed(0)
    generated, x = networks(mixed_architectures * 3), torch.randn(5, 12)
    closed = torch.where(generated.layout.maskable & (generated.layout.chunk == 0), 0.5, 1.0)
    calls: list[object] = []
    monkeypatch.setattr(torch, "vmap", lambda f, *given, **named: calls.append(f) or vmap(f, *given, **named))
    for masks in (generated.open_neurons, generated.open_neurons * closed):
        found = []
        for limit in (math.inf, -1.0):
            calls.clear()
            monkeypatch.setattr(grouped, "IN_A_CACHE", limit)
            tokens = generated.tokens.clone().requires_grad_()
            logits = run_grouped(replace(generated, tokens=tokens, open_neurons=masks), x)
            (gradient,) = torch.autograd.grad(logits.square().sum(), tokens)
            assert bool(calls) == (limit > 0)
            found.append((logits, gradient / gradient.abs().max()))
        for together, apart in zip(*found, strict=True):
            torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)
