"""Tokens lose nothing, and the order of hidden neurons has no say in what a network computes."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import SPACE, architectures
from torch import nn

from generators.connectivity import keep_strongest
from generators.generated import Generated
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Architecture, Blueprint
from search_spaces.network import GraphNetwork

WIDTHS = st.integers(1, 100)
SHAPES = st.lists(st.integers(0, 5), min_size=0, max_size=4).map(tuple)


class Odd(nn.Module):
    """Parameters of any shapes, some called weight and bias, in a few children."""

    def __init__(self, shapes: list[tuple[int, ...]]) -> None:
        super().__init__()
        for i, shape in enumerate(shapes):
            name = ("weight", "bias", "scale", "other", "more")[i % 5]
            home = self if i < 5 else getattr(self, f"norm_{i // 5}", None)
            if home is None:
                home = nn.Module()
                self.add_module(f"norm_{i // 5}", home)
            home.register_parameter(name, nn.Parameter(torch.zeros(shape)))


def random_bits(module: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Any bit patterns: NaNs, infinities, negative zeros and denormals among them."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, parameter in module.named_parameters():
        bits = rng.integers(-(2**31), 2**31, size=tuple(parameter.shape), dtype=np.int64).astype(np.int32)
        state[name] = torch.from_numpy(np.asarray(bits)).view(torch.float32).reshape(parameter.shape)
    return state


def assert_lossless(module: nn.Module, blueprint: Blueprint, width: int, seed: int) -> None:
    tokenizer, state = WeightTokenizer(width=width), random_bits(module, seed)
    tokens = tokenizer.tokenize(state, blueprint)
    layout = tokenizer.layout(blueprint)
    assert tokens.shape == (len(layout), LANES + width)
    again = tokenizer.detokenize(tokens, blueprint)
    assert list(again) == [spec.name for spec in blueprint.parameters]
    for name, tensor in state.items():
        assert again[name].shape == tensor.shape
        assert torch.equal(again[name].view(torch.int32), tensor.view(torch.int32)), name
    # every parameter has a place of its own, and there are no others
    places = torch.cat([index.reshape(-1) for index in layout.positions.values()])
    assert len(places.unique()) == len(places) == blueprint.parameter_count == int(layout.used.sum())
    assert bool(layout.used.reshape(-1)[places].all())
    assert not bool(tokens.view(torch.int32)[~layout.used].any())
    assert bool((layout.scale > 0).all())
    padded = torch.cat([tokens, torch.full((3, LANES + width), 7.0)])
    for name, tensor in tokenizer.detokenize(padded, blueprint).items():
        assert torch.equal(tensor.view(torch.int32), state[name].view(torch.int32))


@given(architecture=architectures(), width=WIDTHS, seed=st.integers(0, 10**6))
def test_lossless_for_architectures(architecture: Architecture, width: int, seed: int) -> None:
    assert_lossless(GraphNetwork(architecture), Blueprint.of(architecture), width, seed)


@given(shapes=st.lists(SHAPES, min_size=1, max_size=9), width=WIDTHS, seed=st.integers(0, 10**6))
def test_lossless_for_odd_modules(shapes: list[tuple[int, ...]], width: int, seed: int) -> None:
    module = Odd(shapes)
    assert_lossless(module, Blueprint.of_module(module), width, seed)


@given(
    channels=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    bias=st.booleans(),
    width=WIDTHS,
    seed=st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_lossless_for_convolutions(
    channels: list[int], kernel: tuple[int, int], bias: bool, width: int, seed: int
) -> None:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(channels):
        layers += [nn.Conv2d(a, b, kernel, bias=bias), nn.BatchNorm2d(b), nn.PReLU(), nn.ReLU()]
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1], 3, bias=not bias))
    assert_lossless(module, Blueprint.of_module(module), width, seed)


@given(some=st.lists(architectures(), min_size=1, max_size=5), width=WIDTHS)
@settings(max_examples=20)
def test_batches_keep_every_network(some: list[Architecture], width: int) -> None:
    tokenizer = WeightTokenizer(width=width)
    blueprints = [Blueprint.of(architecture) for architecture in some]
    layout = tokenizer.batch(blueprints)
    tokens = torch.randn(layout.used.shape) * layout.used
    generated = Generated.dense(tokenizer, layout, tokens)
    for i, blueprint in enumerate(blueprints):
        own = tokens[i, : len(layout.layouts[i])]
        assert torch.equal(tokenizer.tokenize(generated.state_dict(i), blueprint), own)
        assert int(layout.real[i].sum()) == len(layout.layouts[i])
        assert int(layout.edge_real[i].sum()) == len(blueprint.optional_edges)


def permuted(
    architecture: Architecture, state: dict[str, torch.Tensor], rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    """Hidden neurons of a network without skips in another order, in and out."""
    state = {name: tensor.clone() for name, tensor in state.items()}
    names = [node.name for node in architecture.nodes]
    for before, name in itertools.pairwise(names[1:]):
        order = torch.from_numpy(rng.permutation(len(state[f"{before}.linear.bias"])))
        for own in [key for key in state if key.startswith(f"{before}.")]:
            state[own] = state[own][order]
        state[f"{name}.linear.weight"] = state[f"{name}.linear.weight"][:, order]
    return state


@given(architecture=architectures(), width=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_permuting_hidden_neurons_leaves_the_function(architecture: Architecture, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    genome = {n: False if n.startswith("skip") else v for n, v in SPACE.genome(architecture).items()}
    architecture = SPACE.from_genome(genome)
    blueprint, tokenizer = Blueprint.of(architecture), WeightTokenizer(width=width)
    module = GraphNetwork(architecture).double()
    state = permuted(architecture, dict(module.state_dict()), rng)
    through = tokenizer.detokenize(tokenizer.tokenize(state, blueprint), blueprint)
    x = torch.randn(4, SPACE.inputs, dtype=torch.float64)
    before = module(x)
    module.load_state_dict(through)
    torch.testing.assert_close(module(x), before)


@given(
    some=st.lists(architectures(), min_size=1, max_size=4),
    width=st.integers(1, 12),
    density=st.floats(0.01, 1.0),
    seed=st.integers(0, 10**6),
)
def test_the_strongest_neurons_stay(some: list[Architecture], width: int, density: float, seed: int) -> None:
    """Against a plain loop: every layer's strongest, then every layer's second, until the budget is spent."""
    blueprints = [Blueprint.of(architecture) for architecture in some]
    layout = WeightTokenizer(width=width).batch(blueprints)
    strength = torch.rand(layout.node.shape, generator=torch.Generator().manual_seed(seed))
    densities = torch.full((len(some),), density)
    kept = keep_strongest(layout, strength, densities)
    for n, blueprint in enumerate(blueprints):
        widths = dict(blueprint.maskable)
        places = {node.name: i for i, node in enumerate(blueprint.architecture.nodes)}
        tokens = {name: layout.real[n] & (layout.node[n] == place) for name, place in places.items()}
        queues = {}
        for name, wide in widths.items():
            mine = tokens[name]
            sums = torch.zeros(wide).index_add(0, layout.neuron[n][mine], strength[n][mine])
            queues[name] = sums.argsort(descending=True).tolist()
        budget = int((densities[0] * sum(widths.values())).round())
        chosen: dict[str, set[int]] = {name: {queue[0]} for name, queue in queues.items()}
        left = budget - len(chosen)
        for turn in range(1, max(widths.values(), default=0)):
            for name in sorted(queues, key=places.__getitem__):
                if turn < len(queues[name]) and left > 0:
                    chosen[name].add(queues[name][turn])
                    left -= 1
        for name, mine in tokens.items():
            wanted = [float(int(i) in chosen[name]) if name in chosen else 1.0 for i in layout.neuron[n][mine]]
            assert kept[n][mine].tolist() == wanted
        assert not bool(kept[n][~layout.real[n]].any())
