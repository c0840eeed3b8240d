"""Norms and Lipschitz bounds: never exceeded, nearly reached where they are exact, and kept by what is emitted."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import jacrev
from torch.nn import functional

from generators.form import Form
from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.lipschitz import SLOPES, LipschitzBound, conv_norm, row_spectral_norm
from generators.rounding import WEIGHTS_AS, WeightsAs
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Architecture, Blueprint, MLPSpace, RunFailed, WeightloomError, operations
from search_spaces.layers import ACTIVATION_FUNCTIONS
from search_spaces.operations.spatial import padding

TOKENIZER = WeightTokenizer(width=16)
NO_NORM = {"activations": ("relu", "gelu", "silu"), "norms": ("none",)}


def emitted(architecture: Architecture, size: float = 3.0, seed: int = 0) -> Generated:
    """Large random weights, some neurons and wires closed."""
    blueprints = [Blueprint.of(architecture)]
    layout = TOKENIZER.batch(blueprints)
    made = Generated.dense(TOKENIZER, layout, size * initial_tokens(TOKENIZER, blueprints, [seed]))
    random = torch.Generator().manual_seed(seed)
    gates = (torch.rand(made.gates.shape, generator=random) > 0.3) * made.gates
    return Generated(
        tokenizer=TOKENIZER, layout=layout, tokens=made.tokens, open_neurons=made.open_neurons, gates=gates
    )


def bound(generated: Generated) -> float:
    closed = frozenset(wire for wire, is_open in generated.wires(0).items() if not is_open)
    architecture = generated.blueprints[0].architecture
    return LipschitzBound.of(architecture, generated.state_dict(0), generated.neurons(0), closed).at()


def steepest(generated: Generated, count: int = 12, seed: int = 0) -> float:
    """The greatest gain found: norms of Jacobians, and distances of pairs near and far."""
    network = generated.network(0).double().requires_grad_(False)
    architecture = generated.blueprints[0].architecture
    sides = math.prod(operations.shapes(architecture)[architecture.nodes[0].name])
    random = torch.Generator().manual_seed(seed)
    found = 0.0
    for _ in range(count):
        x = torch.randn(1, sides, generator=random, dtype=torch.float64)
        slope = jacrev(lambda z: network(z)[0])(x)[:, 0]
        found = max(found, float(torch.linalg.matrix_norm(slope, ord=2)))
        for step in (1e-3, 1.0, 30.0):
            y = x + step * torch.randn(1, sides, generator=random, dtype=torch.float64)
            found = max(found, float((network(x) - network(y)).norm() / (x - y).norm()))
    return found


def test_slopes_of_activations() -> None:
    x = torch.linspace(-8, 8, 160001, dtype=torch.float64, requires_grad=True)
    assert set(SLOPES) == set(ACTIVATION_FUNCTIONS)
    for name, function in ACTIVATION_FUNCTIONS.items():
        (slope,) = torch.autograd.grad(function(x).sum(), x)
        assert float(slope.abs().max()) <= SLOPES[name] <= float(slope.abs().max()) + 2e-4


@given(
    seed=st.integers(0, 10**6), kernel=st.integers(1, 5), stride=st.integers(1, 4), groups=st.sampled_from([1, 2]),
    axes=st.sampled_from([1, 2]),
)  # fmt: skip
@settings(max_examples=40)
def test_convolutions_are_below_their_bound(seed: int, kernel: int, stride: int, groups: int, axes: int) -> None:
    """Against the whole matrix of the padded convolution."""
    random = torch.Generator().manual_seed(seed)
    weight = torch.randn(4, 4 // groups, *[kernel] * axes, generator=random, dtype=torch.float64)
    side = 6
    around = padding(side, kernel, stride) * axes
    convolve = functional.conv1d if axes == 1 else functional.conv2d

    def run(z: torch.Tensor) -> torch.Tensor:
        return convolve(
            functional.pad(z.view(1, 4, *[side] * axes), around), weight, None, stride, groups=groups
        ).flatten()

    matrix = jacrev(run)(torch.zeros(4 * side**axes, dtype=torch.float64))
    exact, upper = float(torch.linalg.matrix_norm(matrix, ord=2)), conv_norm(weight, groups, stride)
    assert exact <= upper * (1 + 1e-9)
    if kernel == 1:
        assert upper == pytest.approx(exact)
    assert upper <= math.sqrt(kernel**axes) * row_spectral_norm(weight) + 1e-9


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["mlp", "conv1d", "conv2d"])
def test_no_pair_and_no_gradient_exceeds_the_bound(name: str, seed: int) -> None:
    shape = {"mlp": (12,), "conv1d": (1, 12), "conv2d": (1, 4, 4)}[name]
    extra = {} if name == "mlp" else {"blocks": ("plain", "inverted", "separable")}
    space = SPACES.load(name)(inputs=math.prod(shape), outputs=3, shape=shape, **NO_NORM, **extra)
    rng = np.random.default_rng(seed)
    genome = {
        gene: False if gene.startswith("squeeze") else value for gene, value in space.genome(space.sample(rng)).items()
    }
    made = emitted(space.from_genome(genome), seed=seed)
    assert 0 < steepest(made, seed=seed) <= bound(made) * (1 + 1e-9)


def mlp(depth: int = 2, activation: str = "relu") -> Architecture:
    space = MLPSpace(inputs=8, outputs=3, depths=(depth,), widths=(16,), activations=(activation, "tanh"))
    genome = {"norm": "none", "depth": depth} | {
        f"{name}_{i}": value
        for i in range(1, depth + 1)
        for name, value in (("width", 16), ("activation", activation), ("skip", False))
        if (name, i) != ("skip", depth)
    }
    own = space.genome(space.sample(np.random.default_rng(0)))
    return space.from_genome({gene: genome.get(gene, value) for gene, value in own.items()})


def test_a_control_exceeds_a_bound_that_is_too_small() -> None:
    """The bound is no matter of course: half of what one layer reaches is exceeded."""
    made = emitted(mlp(1))
    assert steepest(made, count=40) > 0.25 * bound(made)
    with pytest.raises(RunFailed, match="Lipschitz bound of at most"):
        Form(max_lipschitz=0.25 * bound(made)).check(made, 0)
    with pytest.raises(RunFailed, match="spectral norm of at most"):
        Form(max_norm=0.5 * row_spectral_norm(made.state_dict(0)["hidden_1.linear.weight"])).check(made, 0)


@pytest.mark.parametrize("weights_as", WEIGHTS_AS)
@pytest.mark.parametrize("limits", [{"max_norm": 0.7}, {"max_lipschitz": 2.0}, {"max_norm": 1.5, "max_lipschitz": 0.5}])
def test_what_is_emitted_keeps_its_limits(limits: dict[str, float], weights_as: WeightsAs) -> None:
    made = emitted(mlp())
    form = Form(weights_as=weights_as, **limits)
    with pytest.raises(RunFailed):
        form.check(made, 0)
    final = form.of(made)
    found = form.check(final, 0)
    for limit, value in ((form.max_norm, found.norm), (form.max_lipschitz, found.lipschitz)):
        assert (limit is None) == (value is None)
        if limit is not None and value is not None and len(limits) == 1:
            assert 0.55 * limit <= value <= limit  # and no more is taken than must be
    if form.max_lipschitz is not None:
        assert steepest(final) <= form.max_lipschitz
    if form.max_norm is not None:
        rows = max(float(t.flatten(1).norm(dim=1).max()) for t in final.state_dict(0).values() if t.dim() > 1)
        assert rows <= form.max_norm
    again = form.of(made)
    assert torch.equal(final.tokens, again.tokens)


def test_a_network_within_its_limits_is_not_touched() -> None:
    made = emitted(mlp())
    form = Form(max_norm=1e6, max_lipschitz=1e9)
    assert torch.equal(form.of(made).tokens, made.tokens)
    assert Form().of(made) is made


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("transformer", {}, "Kim et al"),
        ("mlp", {"norms": ("layer",)}, "norm divides"),
        ("mlp", {"norms": ("none",), "units": ("gated",)}, "is a product"),
        ("macro", {}, "norm divides"),
    ],
)
def test_what_has_no_bound_is_named(name: str, changes: dict[str, object], words: str) -> None:
    shape = (16,) if name == "mlp" else (1, 16)
    space = SPACES.load(name)(inputs=16, outputs=3, shape=shape, **changes)
    made = emitted(space.sample(np.random.default_rng(0)))
    with pytest.raises(WeightloomError, match=words):
        Form(max_lipschitz=1.0).of(made)
    Form(max_norm=1.0).check(Form(max_norm=1.0).of(made), 0)


def test_bad_limits_are_refused() -> None:
    for wrong in ({"max_norm": 0.0}, {"max_norm": -1.0}, {"max_lipschitz": float("nan")}):
        with pytest.raises(WeightloomError, match="expected"):
            Form(**wrong)
