"""Blueprints of architectures and of any module."""

import pytest
import torch
from torch import nn

from search_spaces import Architecture, Blueprint, Edge, MLPSpace, Node, WeightloomError, encode
from search_spaces.network import GraphNetwork

SPACE = MLPSpace(inputs=5, outputs=3, widths=(4, 6))
GENOME = {"norm": "layer", "depth": 2, "width_1": 4, "width_2": 6}
GENOME |= {"activation_1": "relu", "activation_2": "tanh", "skip_1": True}


def test_roles_and_fans() -> None:
    blueprint = Blueprint.of(SPACE.from_genome(GENOME))
    rows = [(s.name, s.shape, s.role, s.node, s.fan_in, s.fan_out) for s in blueprint.parameters]
    assert rows[:4] == [
        ("hidden_1.linear.weight", (4, 5), "weight", "hidden_1", 5, 4),
        ("hidden_1.linear.bias", (4,), "bias", "hidden_1", 5, 4),
        ("hidden_1.norm.weight", (4,), "scale", "hidden_1", 1, 1),
        ("hidden_1.norm.bias", (4,), "shift", "hidden_1", 1, 1),
    ]
    assert blueprint.maskable == (("hidden_1", 4), ("hidden_2", 6))
    assert [(e.source, e.target) for e in blueprint.optional_edges] == [("hidden_1", "output")]
    assert blueprint.parameter_count == 5 * 4 + 4 + 8 + 4 * 6 + 6 + 12 + 6 * 3 + 3
    assert Blueprint.of(SPACE.from_genome(GENOME)) is blueprint


class Odd(nn.Module):
    """A scalar, a tensor without elements, a vector and a tied weight of its own; a child called input."""

    def __init__(self) -> None:
        super().__init__()
        self.scalar = nn.Parameter(torch.tensor(2.0))
        self.empty = nn.Parameter(torch.zeros(0))
        self.vector = nn.Parameter(torch.zeros(3))
        self.input = nn.Linear(3, 3)
        self.module = nn.Linear(3, 3, bias=False)
        self.module.weight = self.input.weight
        self.again = self.input
        self.recurrent = nn.LSTM(3, 2)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_of_module_lists_named_parameters() -> None:
    for module in (
        nn.Sequential(nn.Conv2d(3, 4, 3, groups=1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2)),
        nn.Linear(3, 2),
        nn.Linear(0, 2),
        Odd(),
        nn.TransformerEncoderLayer(8, 2),
        nn.ConvTranspose1d(2, 3, 4),
        nn.Embedding(5, 3),
    ):
        blueprint = Blueprint.of_module(module)
        expected = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
        assert sorted((s.name, s.shape) for s in blueprint.parameters) == sorted(expected)
        assert len(blueprint.architecture.nodes) >= 2
        assert blueprint.key == Blueprint.of_module(module).key
        assert encode(blueprint.architecture).nodes.shape[0] == len(blueprint.architecture.nodes)
        with torch.device("meta"):
            assert Blueprint.of_module(type(module)() if isinstance(module, Odd) else module) == blueprint


def test_of_module_fans_of_a_convolution() -> None:
    weight, bias = Blueprint.of_module(nn.Conv2d(3, 4, (5, 2))).parameters
    assert (weight.fan_in, weight.fan_out) == (30, 40)
    assert (bias.role, bias.fan_in) == ("bias", 30)


def test_of_module_tells_shapes_apart() -> None:
    keys = {Blueprint.of_module(nn.Linear(a, b)).key for a, b in ((3, 4), (4, 3), (3, 5))}
    assert len(keys) == 3
    assert Blueprint.of_module(nn.Linear(3, 4, bias=False)).key not in keys


def test_of_module_without_parameters() -> None:
    with pytest.raises(WeightloomError, match="module with parameters, got ReLU"):
        Blueprint.of_module(nn.ReLU())


def test_closed_neurons_and_wires_of_a_module() -> None:
    architecture = SPACE.from_genome(GENOME)
    module = GraphNetwork(architecture)
    x = torch.randn(6, 5)
    before = module(x)
    everything = {name: torch.ones(width, dtype=torch.bool) for name, width in (("hidden_1", 4), ("hidden_2", 6))}
    torch.testing.assert_close(module.connect(everything, {("hidden_1", "output"): True})(x), before)
    module.connect(everything, {("hidden_1", "output"): False})
    assert not torch.allclose(module(x), before)
    nobody = {name: torch.zeros_like(mask) for name, mask in everything.items()}
    closed = module.connect(nobody, {("hidden_1", "output"): False})(x)
    torch.testing.assert_close(closed, module.output.linear.bias.expand(6, -1))
    assert set(module.state_dict()) == {spec.name for spec in Blueprint.of(architecture).parameters}


def test_compacted_wires() -> None:
    architecture = SPACE.from_genome(GENOME | {"norm": "none"})
    chosen = Node(name="chosen", operation="select", choices=(("channels", 6),))
    edges = [e for e in architecture.edges if (e.source, e.target) != ("hidden_1", "output")]
    edges += [Edge(source="hidden_1", target="chosen"), Edge(source="chosen", target="output", kind="skip")]
    nodes = (*architecture.nodes[:-1], chosen, architecture.nodes[-1])
    module = GraphNetwork(
        Architecture(space="compacted", nodes=nodes, edges=tuple(edges)), {"chosen": [-1, 3, -1, -1, 0, -1]}
    )
    x = torch.randn(2, 5)
    first = module.hidden_1(x)
    skip = torch.zeros(2, 6)
    skip[:, 1], skip[:, 4] = first[:, 3], first[:, 0]
    torch.testing.assert_close(module(x), module.output(module.hidden_2(first) + skip))
