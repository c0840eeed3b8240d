"""Networks of convolutions and attention without their closed wires: smaller, equal, and exported."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import LANES, WeightTokenizer
from search_spaces import SPACES, Architecture, Blueprint, MLPSpace, operations
from workbench.export import active_parameters, compact, export_network, flops
from workbench.provenance import Provenance

SHAPE = (1, 12)
TOKENIZER = WeightTokenizer(width=8)


def networks(architectures: Sequence[Architecture], closed: float) -> Generated:
    blueprints = [Blueprint.of(a) for a in architectures]
    layout = TOKENIZER.batch(blueprints)
    made = Generated.dense(TOKENIZER, layout, initial_tokens(TOKENIZER, blueprints, range(len(blueprints))))
    random = torch.Generator().manual_seed(0)
    gates = made.gates * (torch.rand(made.gates.shape, generator=random) >= closed)
    return Generated(
        tokenizer=TOKENIZER, layout=layout, tokens=made.tokens, open_neurons=made.open_neurons, gates=gates
    )


def drawn(name: str, count: int) -> list[Architecture]:
    rng = np.random.default_rng(0)
    if name == "mlp":
        space = MLPSpace(
            inputs=12, outputs=3, depths=(3, 4), norms=("rms",), units=("dense", "gated"), wirings=("dense",)
        )
    else:
        space = SPACES.load(name)(inputs=math.prod(SHAPE), outputs=3, shape=SHAPE)
    return [space.sample(rng) for _ in range(count)]


@pytest.mark.parametrize("name", ["conv1d", "transformer", "mlp"])
@pytest.mark.parametrize("closed", [0.0, 0.5, 1.0])
def test_compacted_networks_compute_the_same(name: str, closed: float) -> None:
    architectures = drawn(name, 8)
    generated = networks(architectures, closed)
    counted, counted_flops = active_parameters(generated), flops(generated)
    x = torch.randn(4, 12)
    for i, architecture in enumerate(architectures):
        smaller = compact(generated, i)
        torch.testing.assert_close(smaller(x), generated.network(i)(x), atol=1e-5, rtol=1e-4)
        assert counted[i] == sum(p.numel() for p in smaller.parameters())
        assert counted_flops[i] == operations.flops(smaller.architecture)
        assert not smaller.architecture.optional_edges
        if closed == 0:
            assert counted[i] == operations.parameters(architecture)
            assert counted_flops[i] == operations.flops(architecture)
    if closed == 1:
        total = sum(operations.parameters(a) for a in architectures)
        assert int(counted.sum()) < total or name == "mlp"  # there every layer still reads the one before


def test_single_zero_weights_do_not_count_in_networks_of_any_operations() -> None:
    architectures = drawn("conv1d", 3)
    generated = networks(architectures, 0.0)
    first = generated.layout.used & (generated.tokens != 0)
    first[..., :LANES] = False
    first &= first.flatten(1).cumsum(1).view_as(first) <= 1
    sparse = replace(generated, tokens=torch.where(first, 0.0, generated.tokens))
    assert (active_parameters(generated) - active_parameters(sparse)).tolist() == [1, 1, 1]
    assert torch.equal(flops(generated), flops(sparse))


def test_export(tmp_path: Path, mixed_architectures: list[Architecture]) -> None:
    """Both formats; the files compute what the network computes (checked at the export)."""
    generated = networks([mixed_architectures[0], *drawn("transformer", 1), *drawn("conv1d", 1)], 0.5)
    record = Provenance(
        task="bumps",
        task_digest="d",
        space="any",
        generator="init",
        generator_digest="g",
        seed=0,
        scores={"score": 0.5},
    )
    for i in range(3):
        made = export_network(generated, i, tmp_path, f"n{i}", record, torch.randn(6, 12), ("safetensors", "onnx"))
        assert [m.format for m in made] == ["safetensors", "onnx"]
        assert all(m.difference <= 1e-5 for m in made)
