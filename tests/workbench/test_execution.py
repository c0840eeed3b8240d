"""Stacked, looped and plain networks, and an independent reference in numpy, compute the same."""

import gc
import math
import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_loop import run_by_blocks, run_looped

from generators import layouts
from generators.generated import Generated
from generators.registry import make_generator
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, MLPSpace, Node
from workbench.execution import (
    Stack,
    Workspace,
    batches,
    blocks_of,
    predict,
    run,
    run_grouped,
    run_stacked,
    side_by_side,
    stackable,
)

INPUTS, CLASSES = 5, 3
SPACE = MLPSpace(
    inputs=INPUTS,
    outputs=CLASSES,
    depths=(0, 1, 2, 3, 4),
    widths=(1, 2, 3, 6, 9),
    activations=("relu", "gelu", "silu", "tanh", "none"),
)


def random_networks(
    seed: int, count: int = 6, width: int = 4, dtype: torch.dtype = torch.float32, closed: float = 0.3
) -> Generated:
    """Networks with random shapes, weights, closed neurons and closed gates."""
    rng = np.random.default_rng(seed)
    tokenizer = WeightTokenizer(width=width)
    layout = tokenizer.batch([Blueprint.of(SPACE.sample(rng)) for _ in range(count)])
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(layout.used.shape, generator=random)
    dense = Generated.dense(tokenizer, layout, (layout.centre + 3 * layout.scale * noise).to(dtype))
    by_neuron = torch.rand(count, 8, 16, generator=random) > closed  # [network, node, neuron]
    network = torch.arange(count)[:, None]
    kept = by_neuron[network, layout.node, layout.neuron] | ~layout.maskable
    gates = torch.rand(dense.gates.shape, generator=random) > closed
    return replace(dense, open_neurons=dense.open_neurons * kept, gates=dense.gates * gates)


def inputs(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, INPUTS, generator=torch.Generator().manual_seed(seed)).to(dtype)


def by_hand(generated: Generated, index: int, x: np.ndarray) -> np.ndarray:
    """One network in numpy: closed neurons are left out, so that arrays shrink instead of being masked."""
    graph = generated.blueprints[index].architecture
    state = {name: tensor.numpy() for name, tensor in generated.state_dict(index).items()}
    neurons, wires = generated.neurons(index), generated.wires(index)
    erf = np.vectorize(math.erf, otypes=[float])
    functions = {
        "relu": lambda h: np.maximum(h, 0),
        "gelu": lambda h: 0.5 * h * (1 + erf(h / math.sqrt(2))),
        "silu": lambda h: h / (1 + np.exp(-h)),
        "tanh": np.tanh,
        "none": lambda h: h,
    }
    values = {"input": x}
    for node in graph.nodes[1:]:
        (main,) = [e for e in graph.edges if e.target == node.name and e.kind == "main"]
        z = values[main.source].copy()
        for edge in graph.edges:
            if edge.target == node.name and edge.kind == "skip" and wires[edge.source, edge.target]:
                shared = min(z.shape[1], values[edge.source].shape[1])
                z[:, :shared] += values[edge.source][:, :shared]
        kept = neurons[node.name].numpy() if node.name in neurons else np.ones(int(node["width"]), bool)
        h = z @ state[f"{node.name}.linear.weight"][kept].T + state[f"{node.name}.linear.bias"][kept]
        if node["norm"] == "layer" and kept.any():
            h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
            h = h * state[f"{node.name}.norm.weight"][kept] + state[f"{node.name}.norm.bias"][kept]
        out = np.zeros((len(x), len(kept)))
        out[:, kept] = functions[str(node["activation"])](h)
        values[node.name] = out
    return values["output"]


@given(seed=st.integers(0, 10**6), width=st.sampled_from([1, 3, 4, 9, 64]), closed=st.sampled_from([0, 0.3, 1]))
@settings(max_examples=25)
def test_all_ways_agree_in_float32(seed: int, width: int, closed: float) -> None:
    generated, x = random_networks(seed, width=width, closed=closed), inputs(seed, 7)
    stacked = run_stacked(generated, x)
    scale = stacked.abs().max().clamp_min(1)
    assert float((stacked - run_looped(generated, x)).abs().max() / scale) < 1e-5
    assert float((stacked - run_grouped(generated, x)).abs().max() / scale) < 1e-5
    assert float((stacked - run_by_blocks(generated, x)).abs().max() / scale) < 1e-5
    for i in range(len(generated)):
        plain = generated.network(i)(x)
        assert float((stacked[i] - plain).detach().abs().max() / scale) < 1e-5


@given(seed=st.integers(0, 10**6), width=st.sampled_from([1, 3, 9, 64]), closed=st.sampled_from([0, 0.3, 1]))
@settings(max_examples=25)
def test_all_ways_agree_in_float64(seed: int, width: int, closed: float) -> None:
    generated = random_networks(seed, width=width, closed=closed, dtype=torch.float64)
    x = inputs(seed, 7, dtype=torch.float64)
    stacked = run_stacked(generated, x)
    assert stacked.dtype == torch.float64
    scale = stacked.abs().max().clamp_min(1)
    assert float((stacked - run_looped(generated, x)).abs().max() / scale) < 1e-10
    assert float((stacked - run_grouped(generated, x)).abs().max() / scale) < 1e-10
    assert float((stacked - run_by_blocks(generated, x)).abs().max() / scale) < 1e-10
    for i in range(len(generated)):
        reference = torch.from_numpy(by_hand(generated, i, x.numpy()))
        assert float((stacked[i] - reference).abs().max() / scale) < 1e-10


def test_comparison_notices_an_ignored_mask() -> None:
    generated, x = random_networks(4, count=12, closed=0.5), inputs(4, 7)
    right = run_looped(generated, x)
    everything = Generated.dense(generated.tokenizer, generated.layout, generated.tokens)
    for wrong in (
        replace(generated, open_neurons=everything.open_neurons),
        replace(generated, gates=everything.gates),
        replace(generated, gates=torch.zeros_like(generated.gates)),
    ):
        assert float((run_stacked(wrong, x) - right).abs().max()) > 1e-2
        assert float((run_by_blocks(wrong, x) - right).abs().max()) > 1e-2


@pytest.mark.parametrize("seed", range(4))
def test_gradients_agree(seed: int) -> None:
    generated, x = random_networks(seed, dtype=torch.float64), inputs(seed, 7, dtype=torch.float64)
    probe = torch.randn(len(generated), 7, CLASSES, dtype=torch.float64)
    gradients = []
    for way in (run_stacked, run_grouped, run_looped):
        tokens = generated.tokens.clone().requires_grad_()
        (way(replace(generated, tokens=tokens), x) * probe).sum().backward()
        assert tokens.grad is not None
        gradients.append(tokens.grad)
    assert not bool(gradients[0][~generated.layout.used].any()), "where there is no parameter, there is no gradient"
    torch.testing.assert_close(gradients[0], gradients[2], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(gradients[1], gradients[2], atol=1e-9, rtol=1e-9)
    assert bool(gradients[0].any())


def test_gradient_of_the_connectivity_is_right() -> None:
    generated, x = random_networks(1, dtype=torch.float64, closed=0.0), inputs(1, 4, dtype=torch.float64)
    stack = Stack(generated.layout)
    blocks = stack.blocks(stack.pack(generated.tokens))

    def loss(open_neurons: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        return stack.run(blocks, stack.pack(open_neurons), gates, x).square().sum()

    gates = generated.gates.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(generated.open_neurons, gates), gates)
    step = 1e-6
    grouped = generated.gates.clone().requires_grad_()
    run_grouped(replace(generated, gates=grouped), x).square().sum().backward()
    torch.testing.assert_close(grouped.grad, gradient)
    for n, k in torch.nonzero(generated.layout.edge_real).tolist():
        moved = generated.gates.clone()
        moved[n, k] += step
        up = loss(generated.open_neurons, moved)
        moved[n, k] -= 2 * step
        slope = (up - loss(generated.open_neurons, moved)) / (2 * step)
        assert float(gradient[n, k]) == pytest.approx(float(slope), rel=1e-4, abs=1e-5)


def test_memory_used_again_gives_the_same() -> None:
    generated = random_networks(3, count=20, closed=0.0)
    stack, memory = Stack(generated.layout), Workspace()
    packed = stack.blocks(stack.pack(generated.tokens))
    blocks = [(lanes.clone().requires_grad_(), weights.clone().requires_grad_()) for lanes, weights in packed]
    leaves = [part for block in blocks for part in block]
    found = []
    for workspace in (None, memory, memory):
        for step in range(2):  # what one step leaves in memory must not reach the next
            x = inputs(step, len(generated), 7)
            logits = stack.run(blocks, None, generated.gates, x, workspace)
            gradients = torch.autograd.grad(logits.square().sum(), leaves)
        found.append([logits.clone(), *(g.clone() for g in gradients)])
    for again in found[1:]:
        torch.testing.assert_close(again, found[0])


def test_stacks_hold_every_network_once_and_one_depth() -> None:
    rng = np.random.default_rng(0)
    blueprints = [Blueprint.of(SPACE.sample(rng)) for _ in range(60)]
    stacks = batches(blueprints, 7)
    assert sorted(i for stack in stacks for i in stack) == list(range(60))
    for stack in stacks:
        assert len(stack) <= 7
        assert len({len(blueprints[i].architecture.nodes) for i in stack}) == 1


def test_blocks_hold_every_network_once_and_stay_small() -> None:
    rng = np.random.default_rng(0)
    blueprints = [Blueprint.of(SPACE.sample(rng)) for _ in range(60)]
    for batch in (7, 2**15):
        blocks = blocks_of(blueprints, range(5, 60), batch)
        assert sorted(i for block in blocks for i in block) == list(range(5, 60))
        for block in blocks:
            assert len({len(blueprints[i].architecture.nodes) for i in block}) == 1
    assert max(map(len, blocks)) < 9


def test_side_by_side_keeps_the_order_and_sets_threads() -> None:
    jobs = [3, 1, 2]
    expected = [(job * 10, 1) for job in jobs]
    assert list(side_by_side(lambda job: (job * 10, torch.get_num_threads()), jobs, 2)) == expected
    assert [result for result, _ in side_by_side(lambda job: (job * 10, 0), jobs, 1)] == [30, 10, 20]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_own_examples_for_each_network(seed: int) -> None:
    generated = random_networks(seed)
    x = inputs(seed, len(generated), 7)
    stacked = run_stacked(generated, x)
    torch.testing.assert_close(stacked, run_looped(generated, x), atol=1e-4, rtol=1e-4)
    for i in range(len(generated)):
        alone = run_stacked(generated.select([i]), x[i])
        torch.testing.assert_close(stacked[i], alone[0], atol=1e-4, rtol=1e-4)
    shared = x[:1].expand(len(generated), -1, -1)
    torch.testing.assert_close(run_stacked(generated, shared), run_stacked(generated, x[0]), atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10**6), width=st.integers(1, 12))
@settings(max_examples=25)
def test_pack_and_unpack(seed: int, width: int) -> None:
    generated = random_networks(seed, width=width)
    stack = Stack(generated.layout)
    buffer = stack.pack(generated.tokens)
    assert torch.equal(stack.unpack(buffer), generated.tokens)
    assert torch.equal(stack.unpack(stack.pack(generated.open_neurons)), generated.open_neurons)
    # every token has a row of its own, and the last row takes the padding
    rows = stack.rows[generated.layout.real.reshape(-1)]
    assert len(rows.unique()) == len(rows)
    assert int(rows.max()) < stack.rows_total == len(buffer) - 1
    assert not bool(buffer[-1].any())
    blocks = stack.blocks(buffer)
    assert torch.equal(stack.join(blocks), buffer)
    x = inputs(seed, 4)
    with_all = stack.run(blocks, None, generated.gates, x)
    everyone = stack.pack(generated.layout.real.float())
    torch.testing.assert_close(with_all, stack.run(blocks, everyone, generated.gates, x))


@pytest.mark.parametrize("networks_at_once", [1, 2, 5, 128])
def test_predict_keeps_the_order(networks_at_once: int) -> None:
    generated, x = random_networks(5, count=9), inputs(5, 7)
    expected = run_looped(generated, x).softmax(-1)
    probabilities = predict(generated, x, networks_at_once)
    torch.testing.assert_close(probabilities, expected, atol=1e-5, rtol=1e-5)
    assert not probabilities.requires_grad


def with_identity(architecture: Architecture) -> Architecture:
    """An identity between the input and its reader."""
    from search_spaces import Edge

    first, second, *rest = architecture.nodes
    edges: Sequence[Edge] = [e for e in architecture.edges if e.source != first.name]
    return Architecture(
        space=architecture.space,
        nodes=(first, Node(name="same", operation="identity"), second, *rest),
        edges=(
            Edge(source=first.name, target="same"),
            Edge(source="same", target=second.name),
            *edges,
        ),
    )


def test_what_cannot_be_stacked_is_looped() -> None:
    rng = np.random.default_rng(0)
    plain = SPACE.sample(rng)
    longer = with_identity(plain)
    assert longer.key == plain.key
    blueprints = [Blueprint.of(longer), Blueprint.of(plain)]
    assert stackable(blueprints[1:])
    assert not stackable(blueprints)
    tokenizer = WeightTokenizer(width=4)
    layout = tokenizer.batch(blueprints[1:])
    tokens = torch.randn(layout.used.shape) * layout.used
    both = tokenizer.batch(blueprints)
    generated = Generated.dense(tokenizer, both, tokens.expand(2, -1, -1))
    x = inputs(0, 7)
    logits = run(generated, x)
    torch.testing.assert_close(logits[0], logits[1])


@pytest.mark.parametrize("width", [3, 64])
@pytest.mark.parametrize("alike", [True, False])
def test_networks_of_one_architecture_are_cut_without_being_moved(width: int, alike: bool) -> None:
    """Where all are alike tokens are read where they lie; the gradients of both ways are the looped ones."""
    rng, tokenizer = np.random.default_rng(3), WeightTokenizer(width=width)
    wide = MLPSpace(inputs=INPUTS, outputs=CLASSES, depths=(2,), widths=(6, 9), norms=("layer",))
    drawn = [Blueprint.of(wide.sample(rng)) for _ in range(2)]
    blueprints = [drawn[0 if alike else i % 2] for i in range(5)]
    layout = tokenizer.batch(blueprints)
    noise = torch.randn(layout.used.shape, dtype=torch.float64)
    generated = Generated.dense(tokenizer, layout, (layout.centre + layout.scale * noise).double())
    assert Stack(layout).aligned == alike
    x, gradients = inputs(0, 7, dtype=torch.float64), []
    for way in (run_stacked, run_looped):
        tokens = generated.tokens.clone().requires_grad_()
        logits = way(replace(generated, tokens=tokens), x)
        gradients.append(torch.autograd.grad(logits.square().sum(), tokens)[0])
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("repeats", [1, 2])
def test_memory_of_a_batch_is_free_without_a_search_for_cycles(repeats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a search comes late where tensors are few and large: a long training once held gigabytes of old batches."""
    monkeypatch.setattr(layouts.batch_of, "_most", 0)
    space = MLPSpace(inputs=8, outputs=4, widths=(3, 5))
    blueprints = [Blueprint.of(a) for a in space.sample_distinct(3, np.random.default_rng(0))]
    generator = make_generator("mlp", {"d": 8, "hidden": 8, "layers": 1, "latent": 2})
    gc.collect()
    gc.disable()
    try:
        generated = generator.generate(blueprints * repeats, range(3 * repeats))
        run_stacked(generated, torch.zeros(2, 8))
        run_grouped(generated, torch.zeros(2, 8))
        gone = weakref.ref(generated.layout)
        del generated
        WeightTokenizer().batch(blueprints[:1])  # the last batch is always kept
        assert gone() is None
    finally:
        gc.enable()
