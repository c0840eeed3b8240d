"""A user's own module as a space: what its graph says, what genes do to it, and what is refused."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from small_modules import Chain, made
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import Architecture, Edge, ModuleSpace
from search_spaces.building import network_of
from search_spaces.draw import draw, draw_text
from search_spaces.operations import flops, parameters, shapes


class Block(nn.Module):
    """Attention and a residual MLP with a parameter of the block's own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, dropout=0.1)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.gain = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.gain * self.down(functional.gelu(self.up(x)))


class Net(nn.Module):
    """A sequence of 2 x 12 in patches of 3."""

    def __init__(self, outputs: int, heads: int) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 4, 3, stride=3)
        self.place = nn.Parameter(torch.randn(4, 4))
        self.blocks = nn.Sequential(Block(4, heads), Block(4, heads))
        self.act, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.3)
        self.head = nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x)).transpose(1, 2) + self.place
        return self.head(self.drop(self.blocks(x)).mean(1))


class NetSpace(ModuleSpace):
    name = "net"
    ranks = (2,)
    arguments: ClassVar[dict[str, tuple[int, ...]]] = {"heads": (1, 2)}
    skippable = ("blocks.0", "blocks.1", "blocks.1.norm")
    narrowable: ClassVar[dict[str, tuple[int, ...]]] = {"stem": (2, 4), "blocks.0.up": (3, 8)}

    def make(self, heads: int) -> nn.Module:
        return Net(self.outputs, heads)


SPACE = NetSpace(inputs=24, outputs=3, shape=(2, 12))
WHOLE = {"heads": 2, "skip.blocks.0": False, "skip.blocks.1": False, "skip.blocks.1.norm": False}
WHOLE |= {"width.stem": 4, "width.blocks.0.up": 8}


def build(**changes: Any) -> Any:
    genome = {name: value for name, value in (WHOLE | changes).items() if value is not None}
    torch.manual_seed(0)
    return SPACE.build(SPACE.from_genome(genome))


def test_the_tree_nests_what_lies_in_something_that_may_be_skipped() -> None:
    assert SPACE.size == 2 * 2 * (2 + 1) * (2 + 1)
    alone = SPACE.from_genome({"heads": 1, "width.stem": 2, "skip.blocks.0": True, "skip.blocks.1": True})
    assert [node.name for node in alone.nodes] == ["input", "stem", "act", "module", "drop", "head", "output"]


def test_the_graph_has_layers_wires_shapes_and_costs() -> None:
    architecture = build().architecture
    into = {node.name: [e.source for e in architecture.edges_into(node.name)] for node in architecture.nodes}
    assert into["module"] == ["act"]  # the parameter that tells places apart
    assert into["blocks.0.attention"] == ["blocks.0.norm"]
    assert into["blocks.0.up"] == ["module", "blocks.0.attention.out_proj"]
    assert into["blocks.0.or_skip"] == ["module", "blocks.0_"]
    assert into["blocks.1.norm.or_skip"] == ["blocks.0.or_skip", "blocks.1.norm"]
    assert into["output"] == ["head"]
    assert architecture.optional_edges == tuple(
        Edge(source=source, target=target, optional=True)
        for source, target in (
            ("blocks.0_", "blocks.0.or_skip"),
            ("blocks.1.norm", "blocks.1.norm.or_skip"),
            ("blocks.1_", "blocks.1.or_skip"),
        )
    )
    known = shapes(architecture)
    assert (known["stem"], known["blocks.0.up"], known["output"]) == ((4, 4), (4, 8), (3,))


@pytest.mark.parametrize("changes", [{}, {"width.stem": 2, "width.blocks.0.up": 3}, {"heads": 1}], ids=str)
def test_parameters_and_operations_are_the_modules(changes: dict[str, Any]) -> None:
    network = build(**changes)
    assert parameters(network.architecture) == sum(p.numel() for p in network.parameters())
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(5, 24))
    assert counter.get_total_flops() == 5 * flops(network.architecture)


def test_a_network_is_the_users_module() -> None:
    network, x = build(), torch.randn(5, 24)
    torch.manual_seed(0)
    own = Net(3, 2).eval()
    torch.testing.assert_close(network(x), own(x.view(5, 2, 12)))
    assert {f"module.{name}" for name in own.state_dict()} == set(network.state_dict())


def test_a_closed_wire_is_a_layer_skipped() -> None:
    whole, x = build(), torch.randn(5, 24)
    shorter = build(**{"skip.blocks.1": True, "skip.blocks.1.norm": None})
    shorter.load({name: whole.get_parameter(name) for name, _ in shorter.named_parameters()})
    wires = [(e.source, e.target) for e in whole.architecture.optional_edges]
    before = whole(x)
    assert torch.equal(whole(x, {}, torch.ones(3)), before)
    assert torch.equal(whole(x, {}, torch.tensor([1.0, 1.0, 0.0])), shorter(x))
    assert not torch.allclose(shorter(x), before)
    whole.connect({}, dict(zip(wires, (True, True, False), strict=True)))
    assert torch.equal(whole(x), shorter(x))
    assert SPACE.without(whole.architecture, whole.closed) == shorter.architecture
    assert torch.equal(whole(x, {}, torch.ones(3)), before)  # gates that are given count


def test_narrowed_layers_put_out_zeros_and_have_no_parameters_there() -> None:
    network, x = build(**{"width.stem": 2}), torch.randn(5, 24)
    assert network.module.stem.weight.shape == (2, 2, 3)
    seen = network.module.stem(x.view(5, 2, 12))
    assert seen.shape == (5, 4, 4)
    assert not bool(seen[:, 2:].any())
    full = build()
    with torch.no_grad():
        for name, parameter in full.named_parameters():
            if name.startswith("module.stem"):
                parameter.zero_()
                parameter[:2] = network.get_parameter(name)
            else:
                parameter.copy_(network.get_parameter(name))
    torch.testing.assert_close(full(x), network(x))


def test_keys_differ_as_genomes_do() -> None:
    rng = np.random.default_rng(0)
    found = SPACE.sample_distinct(SPACE.size, rng)
    assert len({a.genome for a in found}) == len({a.key for a in found}) == SPACE.size
    assert {Architecture.from_json(a.to_json()).key for a in found} == {a.key for a in found}


def test_the_signature_tells_modules_apart() -> None:
    spaces = [
        made(lambda: Chain(nn.ReLU())),
        made(lambda: Chain(nn.GELU())),
        made(lambda: Chain(nn.ReLU()), version=2),
        made(lambda: Chain(nn.ReLU()), name="other"),
    ]
    assert len({space.signature for space in spaces}) == 4
    assert spaces[0].signature == made(lambda: Chain(nn.ReLU())).signature


def test_pictures() -> None:
    architecture = build().architecture
    assert "Conv1d" in draw(architecture)
    assert "blocks.0_?" in draw_text(architecture)  # optional


def test_a_layer_in_a_loop_is_one_node() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step, self.head = nn.GRUCell(2, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            state = x.new_zeros(len(x), 4)
            for part in x.view(-1, 3, 2).unbind(1):
                state = self.step(part, state)
            return self.head(state)

    architecture = made(Loop).sample(np.random.default_rng(0))
    assert [(e.source, e.target) for e in architecture.edges] == [
        ("input", "step"),
        ("step", "head"),
        ("head", "output"),
    ]


def test_a_layer_that_is_used_twice_is_one_node_on_the_way() -> None:
    class Twice(Chain):
        def forward(self, x: Tensor) -> Tensor:
            x = self.layers[0](x)
            return self.head(self.layers[0](self.layers[1](x)))

    architecture = made(lambda: Twice(nn.Linear(6, 6), nn.Linear(6, 6))).sample(np.random.default_rng(0))
    wires = [(e.source, e.target) for e in architecture.edges]
    assert wires == [
        ("input", "layers.0"),
        ("layers.0", "layers.1"),
        ("layers.0", "head"),
        ("layers.1", "head"),
        ("head", "output"),
    ]


class Fixed(nn.Module):
    """A random projection that is no parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("way", torch.randn(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.way


def test_buffers_are_the_same_in_every_network_but_weights_are_not() -> None:
    space = made(lambda: Chain(Fixed()))
    architecture = space.sample(np.random.default_rng(0))
    first, second = network_of(architecture), network_of(architecture)
    assert torch.equal(first.module.layers[0].way, second.module.layers[0].way)
    assert not torch.equal(first.module.head.weight, second.module.head.weight)


def test_code_that_looks_at_numbers_is_made_on_the_cpu() -> None:
    space = made(lambda: Chain(nn.ReLU() if torch.linspace(0, 1, 3).tolist()[2] > 0.5 else nn.GELU()))
    assert "ReLU" in str(space.sample(np.random.default_rng(0)))
