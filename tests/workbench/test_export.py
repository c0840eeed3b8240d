from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generators.connectivity import neuron_index
from generators.generated import Generated
from generators.registry import make_generator
from generators.saving import generator_digest
from generators.tokens import WeightTokenizer
from search_spaces import (
    Architecture,
    Blueprint,
    DamagedFile,
    Edge,
    MLPSpace,
    Node,
    RunFailed,
    WeightloomError,
)
from workbench.export import (
    active_parameters,
    compact,
    export_network,
    flops,
    read_network,
    verify_network,
    write_network,
    write_onnx,
)
from workbench.provenance import Provenance
from workbench.tasks import load_task

RECORD = Provenance(
    task="digits", task_digest="d", space="mlp", generator="mlp", generator_digest="g", seed=3,
    scores={"score": 0.9},
)  # fmt: skip


def random_graph(rng: np.random.Generator) -> Architecture:
    """Dense nodes and identities in any order, skips over any distance, gates on some of them."""
    nodes = [Node(name="input", operation="input", choices=(("width", int(rng.integers(1, 9))),))]
    edges: list[Edge] = []
    hidden = int(rng.integers(1, 6))
    for i in range(hidden + 1):
        name = "output" if i == hidden else f"n{i}"
        sources = [node.name for node in nodes]
        main = str(rng.choice(sources[-2:]))
        edges.append(Edge(source=main, target=name))
        for source in sources:
            if source != main and rng.random() < 0.35:
                edges.append(Edge(source=source, target=name, kind="skip", optional=bool(rng.random() < 0.7)))
        choices = {
            "activation": str(rng.choice(["relu", "gelu", "silu", "tanh", "none"])),
            "norm": str(rng.choice(["none", "layer"])),
            "width": int(rng.integers(1, 9)),
        }
        is_identity = i < hidden and rng.random() < 0.25
        nodes.append(
            Node(name=name, operation="identity")
            if is_identity
            else Node(name=name, operation="dense", choices=tuple(choices.items()))
        )
    return Architecture(space="test", nodes=tuple(nodes), edges=tuple(edges))


def random_networks(architectures: list[Architecture], rng: np.random.Generator) -> Generated:
    """Random weights, some of them zero, whole rows zero, neurons and gates closed."""
    torch.manual_seed(int(rng.integers(2**31)))
    tokenizer = WeightTokenizer(width=4)
    layout = tokenizer.batch([Blueprint.of(architecture) for architecture in architectures])
    tokens = layout.centre + layout.scale * torch.randn(layout.used.shape)
    tokens = tokens * (torch.rand(tokens.shape) < rng.choice([0.2, 0.5, 0.9, 1.0]))
    tokens = tokens * (torch.rand(tokens.shape[:2]) < rng.choice([0.7, 1.0]))[..., None]
    neurons = neuron_index(layout)
    is_open = (torch.rand(int(neurons.max()) + 1) < rng.choice([0.05, 0.5, 0.9, 1.0])).float()
    return Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=tokens * layout.used,
        open_neurons=torch.where(layout.maskable, is_open[neurons], layout.real.float()) * layout.real,
        gates=(torch.rand(layout.edge_real.shape) < 0.6).float() * layout.edge_real,
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_compaction_is_exact_and_counted_rightly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_graph(rng), random_graph(rng)
    generated = random_networks([first, first, second], rng)
    counted, operations = active_parameters(generated), flops(generated)
    for i in range(3):
        network, smaller = generated.network(i), compact(generated, i)
        x = torch.randn(5, int(network.architecture.nodes[0]["width"]))
        expected = network(x).detach()
        difference = float((smaller(x).detach() - expected).abs().max())
        assert difference <= 1e-5 * max(1.0, float(expected.abs().max()))
        sizes = {name: parameter.numel() for name, parameter in smaller.named_parameters()}
        linear = [p for name, p in smaller.named_parameters() if name.endswith("linear.weight")]
        zeros = sum(int((weight == 0).sum()) for weight in linear)
        assert sum(sizes.values()) - zeros == counted[i] <= generated.blueprints[i].parameter_count
        assert 2 * sum(n for name, n in sizes.items() if name.endswith("linear.weight")) == operations[i]


def test_closed_neurons_and_their_columns_are_gone() -> None:
    architecture = MLPSpace(inputs=6, outputs=3, depths=(2,)).from_genome(
        {"norm": "layer", "depth": 2, "width_1": 8, "activation_1": "relu", "width_2": 12,
         "activation_2": "tanh", "skip_1": False}
    )  # fmt: skip
    generator = make_generator("mlp", {"d": 8, "hidden": 8})
    generated = generator.generate([Blueprint.of(architecture)], [0], 0.5)
    shapes = {name: tuple(p.shape) for name, p in compact(generated, 0).named_parameters()}
    assert shapes == {
        "hidden_1.linear.weight": (5, 6),
        "hidden_1.linear.bias": (5,),
        "hidden_1.norm.weight": (5,),
        "hidden_1.norm.bias": (5,),
        "hidden_2.linear.weight": (5, 5),
        "hidden_2.linear.bias": (5,),
        "hidden_2.norm.weight": (5,),
        "hidden_2.norm.bias": (5,),
        "output.linear.weight": (3, 5),
        "output.linear.bias": (3,),
    }
    assert active_parameters(generated).tolist() == [5 * 9 + 5 * 8 + 3 * 6]
    assert flops(generated).tolist() == [2 * (30 + 25 + 15)]


def test_single_zero_weights_do_not_count_but_cost_flops() -> None:
    architecture = MLPSpace(inputs=6, outputs=3, depths=(1,)).from_genome(
        {"norm": "none", "depth": 1, "width_1": 8, "activation_1": "relu"}
    )
    generator = make_generator("mlp", {"d": 8, "hidden": 8})
    dense, sparse = (generator.generate([Blueprint.of(architecture)], [0], weights=w) for w in (1.0, 0.9))
    assert active_parameters(dense).tolist() == [8 * 7 + 3 * 9]
    assert active_parameters(sparse).tolist() == [round(0.9 * (8 * 6 + 3 * 8)) + 8 + 3]
    assert flops(sparse).tolist() == flops(dense).tolist()


def test_everything_closed_leaves_the_bias_of_the_output() -> None:
    rng = np.random.default_rng(0)
    architecture = MLPSpace(inputs=6, outputs=3, depths=(3,)).sample(rng)
    generated = random_networks([architecture], rng)
    generated = Generated(
        tokenizer=generated.tokenizer,
        layout=generated.layout,
        tokens=generated.tokens,
        open_neurons=generated.layout.real.float() * ~generated.layout.maskable,
        gates=torch.zeros_like(generated.gates),
    )
    assert active_parameters(generated).tolist() == [3]
    x = torch.randn(4, 6)
    assert torch.allclose(compact(generated, 0)(x), generated.network(0)(x))


def test_a_users_own_module_cannot_be_compacted() -> None:
    blueprint = Blueprint.of_module(torch.nn.Linear(3, 2))
    tokenizer = WeightTokenizer()
    layout = tokenizer.batch([blueprint])
    generated = Generated.dense(tokenizer, layout, torch.zeros(*layout.node.shape, tokenizer.entries))
    with pytest.raises(WeightloomError, match="Linear"):
        compact(generated, 0)
    with pytest.raises(WeightloomError, match="state dict"):
        write_network("never.safetensors", generated, 0, RECORD)


def some_networks(count: int = 4, density: float = 0.5) -> Generated:
    torch.manual_seed(1)
    space = MLPSpace(inputs=64, outputs=10, depths=(3,), widths=(6, 9))
    generator = make_generator("mlp", {"d": 8, "hidden": 16})
    blueprints = [Blueprint.of(a) for a in space.sample_distinct(count, np.random.default_rng(2))]
    return generator.generate(blueprints, range(count), density)


@given(seed=st.integers(0, 2**32 - 1))
def test_network_file_round_trip(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = np.random.default_rng(seed)
    generated = random_networks([random_graph(rng), random_graph(rng)], rng)
    path = tmp_path_factory.mktemp("network") / "a.safetensors"
    write_network(path, generated, 1, RECORD)
    bytes_written = path.read_bytes()
    loaded = read_network(path)
    network = generated.network(1)
    assert loaded.architecture == network.architecture
    assert loaded.provenance == RECORD
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, loaded.module.state_dict()[name])
    assert generated.wires(1) == loaded.generated.wires(0)
    assert all(torch.equal(m, loaded.generated.neurons(0)[n]) for n, m in generated.neurons(1).items())
    x = torch.randn(3, int(network.architecture.nodes[0]["width"]))
    assert torch.equal(network(x), loaded.module(x))
    write_network(path, loaded.generated, 0, loaded.provenance)
    assert path.read_bytes() == bytes_written


def test_every_flipped_bit_and_every_cut_is_named(tmp_path: Path) -> None:
    path = write_network(tmp_path / "mine.safetensors", some_networks(), 0, RECORD)
    whole = path.read_bytes()
    rng = random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    positions = [*range(16), *rng.sample(range(header), 150), *rng.sample(range(header, len(whole)), 100)]
    for position in positions:
        flipped = bytes([whole[position] ^ (1 << rng.randrange(8))])
        path.write_bytes(whole[:position] + flipped + whole[position + 1 :])
        with pytest.raises(DamagedFile, match=r"mine\.safetensors"):
            read_network(path)
    for length in (0, 1, 8, header, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(30))):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match=r"mine\.safetensors"):
            read_network(path)
    for other in (whole + b"\0", b"not a file", b"\xff" * 100):
        path.write_bytes(other)
        with pytest.raises(DamagedFile, match=r"mine\.safetensors"):
            read_network(path)
    with pytest.raises(WeightloomError, match="none"):
        read_network(tmp_path / "none.safetensors")


def test_another_schema_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.export.safetensors_file.SCHEMA", 2)
    path = write_network(tmp_path / "a.safetensors", some_networks(), 0, RECORD)
    monkeypatch.undo()
    with pytest.raises(DamagedFile, match="schema 2"):
        read_network(path)


def test_verify_regenerates_and_compares(tmp_path: Path) -> None:
    generator = make_generator("mlp", {"d": 8, "hidden": 16})
    architecture = MLPSpace(depths=(3,)).sample(np.random.default_rng(0))
    generated = generator.generate([Blueprint.of(architecture)] * 2, [3, 4], 0.5)
    record = RECORD.model_copy(update={"generator_digest": generator_digest(generator), "density": 0.5})
    path = write_network(tmp_path / "a.safetensors", generated, 0, record)
    assert verify_network(path, generator) <= 1e-5
    write_network(path, generated, 1, record)
    with pytest.raises(RunFailed, match="differ"):
        verify_network(path, generator)


def test_export_on_real_rows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = load_task("digits").test.x
    generated = some_networks()
    records = export_network(generated, 2, tmp_path / "exports", "best", RECORD, rows)
    assert [record.path for record in records] == ["exports/best.safetensors", "exports/best.onnx"]
    assert [record.format for record in records] == ["safetensors", "onnx"]
    assert records[0].difference == 0.0
    assert records[1].difference is not None
    assert records[1].difference <= 1e-5
    assert capfd.readouterr() == ("", "")
    session = onnxruntime.InferenceSession(tmp_path / "exports" / "best.onnx")
    for count in (1, 5, 128):
        (got,) = session.run(None, {"x": rows[:count].numpy()})
        assert np.abs(got - generated.network(2)(rows[:count]).detach().numpy()).max() <= 1e-5
    kept = session.get_modelmeta().custom_metadata_map["weightloom"]
    assert Provenance.model_validate_json(kept) == RECORD
    assert b"/site-packages/" not in (tmp_path / "exports" / "best.onnx").read_bytes()


def test_a_failed_check_leaves_no_file(tmp_path: Path) -> None:
    network = some_networks().network(0)
    other = some_networks().network(0)
    with torch.no_grad():
        next(other.parameters()).mul_(1.5)
    with pytest.raises(RunFailed, match=r"a\.onnx"):
        write_onnx(tmp_path / "a.onnx", network, torch.randn(4, 64), reference=other)

    class Fork(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if float(x.sum()) > 0 else -x

    with pytest.raises(RunFailed, match="cannot be exported"):
        write_onnx(tmp_path / "b.onnx", Fork(), torch.randn(4, 64))
    generated = some_networks()
    generated.tokens[0] = float("nan")
    for kind in ("safetensors", "onnx"):
        with pytest.raises(RunFailed, match="finite"):
            export_network(generated, 0, tmp_path, "c", RECORD, torch.randn(4, 64), [kind])
    assert list(tmp_path.iterdir()) == []


def test_bad_requests(tmp_path: Path) -> None:
    generated, rows = some_networks(), torch.randn(4, 64)
    for changes, words in (
        ({"formats": ["onxx"]}, "onxx"),
        ({"stem": "../a"}, "plain"),
        ({"provenance": RECORD.model_copy(update={"scores": {}})}, "score"),
    ):
        arguments = {"folder": tmp_path, "stem": "a", "provenance": RECORD, "rows": rows, **changes}
        with pytest.raises(WeightloomError, match=words):
            export_network(generated, 0, **arguments)
    assert list(tmp_path.iterdir()) == []
