from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from generators.adaptation import ArchitectureIndex, adapt, architecture_distance, place_in
from generators.generated import Generated
from generators.heads import to_values
from generators.initialisation import initial_tokens
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Blueprint, MLPSpace
from workbench.execution import run

# narrow tokens, so that rows take several of them
TOKENIZER = WeightTokenizer(width=16)
SPACE = MLPSpace(inputs=20, outputs=5, depths=(1, 2, 3))


def mlp(*widths: int, norm: str = "none", activation: str = "relu", skips: tuple[int, ...] = ()) -> Blueprint:
    genome: dict[str, int | str] = {"norm": norm, "depth": len(widths)}
    for i, width in enumerate(widths, start=1):
        genome |= {f"width_{i}": width, f"activation_{i}": activation}
    genome |= {f"skip_{i}": i in skips for i in range(1, len(widths))}
    return Blueprint.of(SPACE.from_genome(genome))


def networks(*blueprints: Blueprint, seed: int = 0) -> Generated:
    layout = TOKENIZER.batch(blueprints)
    noise = torch.randn(layout.used.shape, generator=torch.Generator().manual_seed(seed))
    return Generated.dense(TOKENIZER, layout, layout.centre + layout.scale * noise)


def adapted_state(source: Generated, target: Blueprint) -> dict[str, torch.Tensor]:
    layout = TOKENIZER.layout(target)
    values = adapt(source, target).values[0]
    return TOKENIZER.detokenize((layout.centre + layout.scale * values) * layout.used, target)


def random_blueprints(count: int, seed: int) -> list[Blueprint]:
    return [Blueprint.of(a) for a in SPACE.sample_distinct(count, np.random.default_rng(seed))]


@pytest.mark.parametrize(
    "blueprint",
    [
        mlp(12),
        mlp(12, 48, 20, norm="layer", skips=(1, 2)),
        Blueprint.of_module(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))),
        Blueprint.of_module(nn.MultiheadAttention(8, 2, add_bias_kv=True)),
    ],
)
def test_a_network_adapted_to_its_own_architecture_is_itself(blueprint: Blueprint) -> None:
    source = networks(blueprint)
    adapted = adapt(source, blueprint)
    torch.testing.assert_close(adapted.values, to_values(source)[0], rtol=0, atol=0)
    assert torch.equal(adapted.present, source.layout.used)
    assert bool((adapted.open_neurons == 1).all())
    assert bool((adapted.gates == 1).all())
    for name, tensor in adapted_state(source, blueprint).items():
        torch.testing.assert_close(tensor, source.state_dict(0)[name])


def reference(source: Generated, target: Blueprint) -> dict[str, torch.Tensor]:
    """Tensor by tensor, element by element."""
    theirs, old = source.blueprints[0], source.state_dict(0)
    ours = [n.name for n in target.architecture.nodes]
    names = [n.name for n in theirs.architecture.nodes]
    made = {}
    for spec in target.parameters:
        new = torch.full(spec.shape, 1.0 if spec.role == "scale" else 0.0)
        i = ours.index(spec.node)
        if i == len(ours) - 1:
            node = names[-1]
        else:
            node = names[i] if i < len(names) - 1 else names[-2]
        tensor = old.get(spec.name.replace(spec.node, node, 1))
        if tensor is not None:
            for index in np.ndindex(*new.shape):
                if all(a < b for a, b in zip(index, tensor.shape, strict=True)):
                    new[index] = tensor[index]
        made[spec.name] = new
    return made


def test_tensors_are_sliced_and_padded_as_the_reference_does() -> None:
    blueprints = random_blueprints(8, seed=3)
    for i, source in enumerate(blueprints):
        given = networks(source, seed=i)
        for target in blueprints:
            expected = reference(given, target)
            for name, tensor in adapted_state(given, target).items():
                torch.testing.assert_close(tensor, expected[name], msg=f"{source} -> {target}: {name}")


def test_kernels_are_matched_axis_by_axis() -> None:
    source = networks(Blueprint.of_module(nn.Sequential(nn.Conv2d(3, 4, 3))))
    state = adapted_state(source, Blueprint.of_module(nn.Sequential(nn.Conv2d(2, 6, 5))))
    expected = torch.zeros(6, 2, 5, 5)
    expected[:4, :, :3, :3] = source.state_dict(0)["0.weight"][:, :2]
    torch.testing.assert_close(state["0.weight"], expected)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_a_wider_target_without_norm_computes_the_same(activation: str) -> None:
    source = networks(mlp(12, 16, 8, activation=activation, skips=(1, 2)))
    target = mlp(20, 36, 24, activation=activation, skips=(1, 2))
    adapted = adapt(source, target)
    layout = TOKENIZER.batch([target])
    wide = Generated.dense(TOKENIZER, layout, layout.centre + layout.scale * adapted.values)
    x = torch.randn(7, 20, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(run(wide, x), run(source, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_closed_neurons_put_out_nothing_when_opened(norm: str) -> None:
    blueprint = mlp(12, 16, norm=norm)
    dense = networks(blueprint)
    layout = dense.layout
    closed = (layout.node == 1) & (layout.neuron % 3 == 0)
    mask = torch.where(closed, 0.0, dense.open_neurons)
    source = Generated(tokenizer=TOKENIZER, layout=layout, tokens=dense.tokens, open_neurons=mask, gates=dense.gates)
    adapted = adapt(source, blueprint)
    assert torch.equal(adapted.open_neurons, mask)
    assert not bool(adapted.alive[closed].any())
    raw = layout.centre + layout.scale * adapted.values
    assert float(raw[closed].abs().max()) < 1e-6
    torch.testing.assert_close(raw[~closed], dense.tokens[~closed])
    if norm == "none":
        x = torch.randn(7, 20, generator=torch.Generator().manual_seed(1))
        opened = Generated.dense(TOKENIZER, layout, raw)
        torch.testing.assert_close(run(opened, x), run(source, x), rtol=1e-5, atol=1e-5)


def test_closed_masks_hold_for_every_token_of_a_neuron() -> None:
    source = networks(mlp(8, 12))
    mask = torch.where((source.layout.node == 1) & (source.layout.neuron == 2), 0.0, source.open_neurons)
    closed = Generated(
        tokenizer=TOKENIZER, layout=source.layout, tokens=source.tokens, open_neurons=mask, gates=source.gates
    )
    target = mlp(48, 40, 12)
    adapted, layout = adapt(closed, target), TOKENIZER.layout(target)
    expected = ~((layout.node == 1) & (layout.neuron == 2))
    assert torch.equal(adapted.open_neurons[0] > 0.5, expected)


def test_gates_come_from_the_same_wire() -> None:
    source = networks(mlp(8, 8, 8, skips=(2,)))
    target = mlp(12, 12, 12, skips=(1, 2))
    assert adapt(source, target).gates.tolist() == [[0.0, 1.0]]
    closed = Generated(
        tokenizer=TOKENIZER,
        layout=source.layout,
        tokens=source.tokens,
        open_neurons=source.open_neurons,
        gates=torch.zeros_like(source.gates),
    )
    assert adapt(closed, target).gates.tolist() == [[0.0, 0.0]]


def test_sources_of_many_shapes_are_adapted_as_one_by_one() -> None:
    blueprints = random_blueprints(6, seed=5)
    source, target = networks(*blueprints, *blueprints), mlp(24, 24)
    together = adapt(source, target)
    picked = adapt(source, target, [7, 2])
    for i in range(12):
        alone = adapt(source.select([i]), target)
        for name in ("values", "present", "open_neurons", "gates"):
            assert torch.equal(getattr(together, name)[i], getattr(alone, name)[0])
    assert torch.equal(picked.values, together.values[[7, 2]])


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [(3, 3, [0, 1, 2]), (3, 5, [0, 1, 1, 1, 2]), (5, 3, [0, 1, 4]), (2, 3, [0, None, 1])],
)
def test_places(source: int, target: int, expected: list[int | None]) -> None:
    assert [place_in(source, target, i) for i in range(target)] == expected


def test_distance_is_a_metric_led_by_depth() -> None:
    blueprints = random_blueprints(12, seed=7)
    index = ArchitectureIndex(blueprints)
    table = np.stack([index.distances(b) for b in blueprints])
    assert np.array_equal(table, table.T)
    assert np.array_equal(table == 0, np.eye(12, dtype=bool))
    assert bool((table[:, None, :] <= table[:, :, None] + table[None]).all())
    assert table[0, 5] == round(1000 * architecture_distance(blueprints[0], blueprints[5]))
    same = architecture_distance(mlp(8, norm="layer", activation="tanh"), mlp(48))
    assert same < architecture_distance(mlp(48, 8), mlp(48))
    assert architecture_distance(mlp(20), mlp(24)) == pytest.approx(np.log(24 / 20), abs=2e-3)
    module = Blueprint.of_module(nn.Sequential(nn.Linear(20, 24), nn.ReLU(), nn.Linear(24, 5)))
    assert architecture_distance(module, mlp(24)) < architecture_distance(module, mlp(36))


def test_initial_weights_depend_on_coordinates_alone() -> None:
    blueprints = [mlp(12), mlp(24, 32), mlp(24, 48, 16, norm="layer")]
    tokens = initial_tokens(TOKENIZER, blueprints, [5, 5, 5])
    states = [TOKENIZER.detokenize(tokens[i], b) for i, b in enumerate(blueprints)]
    for state in states[1:]:
        assert torch.equal(state["hidden_1.linear.weight"][:12], states[0]["hidden_1.linear.weight"])
        narrow, wide = states[0]["output.linear.weight"] * 12**0.5, state["output.linear.weight"]
        torch.testing.assert_close(wide[:, :12] * wide.shape[1] ** 0.5, narrow)
    assert bool((states[2]["hidden_1.norm.weight"] == 1).all())
    assert float(states[2]["hidden_2.linear.bias"].abs().max()) == 0
    alone = initial_tokens(TOKENIZER, [blueprints[1]], [5])
    assert torch.equal(tokens[1, : alone.shape[1]], alone[0])
    assert not torch.equal(initial_tokens(TOKENIZER, [blueprints[1]], [6]), alone)


def test_initial_weights_are_standard_normal_and_independent() -> None:
    blueprint = mlp(48, 48, 48)
    layout = TOKENIZER.layout(blueprint)
    tokens = initial_tokens(TOKENIZER, [blueprint] * 40, [*range(39), 2**63 - 1])
    values = ((tokens - layout.centre) / layout.scale)[:, layout.used & (torch.arange(19) >= LANES)]
    assert abs(float(values.mean())) < 0.01
    assert float(values.std()) == pytest.approx(1, abs=0.01)
    assert float((values**4).mean()) == pytest.approx(3, abs=0.1)
    correlation = torch.corrcoef(values) - torch.eye(40)
    assert float(correlation.abs().max()) < 5 / values.shape[1] ** 0.5
