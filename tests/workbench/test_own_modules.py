"""Networks of a user's own module: run together, really trained, made smaller, written, read and verified."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_loop import run_looped
from torch import Tensor, nn

from generators.generated import Generated
from generators.registry import make_generator
from generators.saving import generator_digest
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, ModuleSpace, UnknownName, module, operations
from workbench.execution import grouped, run_grouped
from workbench.export import active_parameters, compact, export_network, flops, read_network, verify_network
from workbench.provenance import Provenance
from workbench.tasks import split_task
from workbench.zoo import Recipe, train_sorted

TOKENIZER = WeightTokenizer(width=9)


class Net(nn.Module):
    """Two layers that may be skipped on a sequence of 2 x 6; ``stubborn`` writes into a tensor that vmap keeps out."""

    def __init__(self, outputs: int, heads: int, stubborn: bool) -> None:
        super().__init__()
        self.stem, self.stubborn = nn.Conv1d(2, 4, 3, padding=1), stubborn
        self.mix = nn.TransformerEncoderLayer(4, heads, 6, batch_first=True)
        self.norm, self.head = nn.GroupNorm(2, 4), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = self.mix(self.norm(self.stem(x)).transpose(1, 2)).mean(1)
        if self.stubborn:
            taken = torch.zeros(len(h), 4, device=h.device)
            taken[:, 1:] = h[:, 1:]
            h = taken
        return self.head(h)


class NetSpace(ModuleSpace):
    name = "workbench_net"
    ranks = (2,)
    arguments = {"heads": (1, 2), "stubborn": (False, True)}  # noqa: RUF012 - as a user would write it
    skippable = ("mix", "norm")
    narrowable = {"stem": (2, 4)}  # noqa: RUF012

    def make(self, heads: int, stubborn: bool) -> nn.Module:
        return Net(self.outputs, heads, stubborn)


SPACE = NetSpace(inputs=12, outputs=3, shape=(2, 6))


def some(stubborn: bool) -> list[Architecture]:
    found = [SPACE.sample(np.random.default_rng(i)) for i in range(40)]
    return [a for a in found if dict(a.genome)["stubborn"] is stubborn][:4] * 2


def networks(architectures: list[Architecture]) -> Generated:
    layout = TOKENIZER.batch([Blueprint.of(a) for a in architectures])
    random = torch.Generator().manual_seed(0)
    made = Generated.dense(
        TOKENIZER, layout, layout.centre + layout.scale * torch.randn(layout.used.shape, generator=random)
    )
    return replace(made, gates=made.gates * (torch.rand(made.gates.shape, generator=random) > 0.4))


@pytest.mark.parametrize("stubborn", [False, True])
def test_groups_give_what_each_network_gives(stubborn: bool) -> None:
    generated = networks(some(stubborn))
    architecture = generated.blueprints[0].architecture
    assert grouped._vmaps(architecture, torch.device("cpu"), torch.float32) is not stubborn
    gates = generated.gates.clone().requires_grad_()
    tokens = generated.tokens.clone().requires_grad_()
    for x in (torch.randn(5, 12), torch.randn(8, 5, 12)):
        expected = run_looped(generated, x)
        logits = run_grouped(replace(generated, gates=gates, tokens=tokens), x)
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)
    logits.square().sum().backward()
    assert gates.grad is not None
    assert tokens.grad is not None
    assert bool((gates.grad[generated.layout.edge_real] != 0).any())
    assert bool(tokens.grad.any(dim=(1, 2)).all())  # every network's


def test_they_are_really_trained() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = rng.normal(0, 0.5, (300, 2, 6))
    for i in range(3):
        x[y == i, 0, 2 * i : 2 * i + 2] += 1.5
    task = split_task("bumps", x, y, shape=(2, 6))
    architectures = [
        SPACE.from_genome({"heads": 2, "stubborn": stubborn, "skip.mix": False, "skip.norm": False, "width.stem": 4})
        for stubborn in (False, True)
    ]
    blueprints = [Blueprint.of(a) for a in architectures]
    recipe = Recipe(steps=150, batch_size=32, check_every=50, learning_rate=0.02)
    trained = train_sorted(task, TOKENIZER, blueprints, [0, 1], recipe, densities=[0.5, 0.5])
    assert bool((trained.scores > 0.6).all()), trained.scores


def test_closed_layers_are_taken_out_when_made_smaller() -> None:
    generated = networks(some(False))
    assert bool((generated.gates < generated.layout.edge_real).any())
    counted, costs, x = active_parameters(generated), flops(generated), torch.randn(5, 12)
    for i in range(len(generated)):
        smaller = compact(generated, i)
        torch.testing.assert_close(smaller(x), generated.network(i)(x))
        assert counted[i] == sum(p.numel() for p in smaller.parameters())
        assert costs[i] == operations.flops(smaller.architecture)
        closed = [wire for wire, is_open in generated.wires(i).items() if not is_open]
        gone = len(generated.blueprints[i].optional_edges) - len(smaller.architecture.optional_edges)
        assert gone == len(closed)


def test_files_hold_weights_and_name_the_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = make_generator("mlp", {"d": 8, "hidden": 16, "layers": 1})
    architecture = SPACE.from_genome(
        {"heads": 2, "stubborn": False, "skip.mix": False, "skip.norm": True, "width.stem": 4}
    )
    generated = generator.generate([Blueprint.of(architecture)], [5])
    record = Provenance(
        task="bumps", task_digest="d", space=SPACE.name, generator="mlp",
        generator_digest=generator_digest(generator), seed=5, scores={"score": 0.5},
    )  # fmt: skip
    records = export_network(generated, 0, tmp_path / "out", "one", record, torch.randn(6, 12))
    assert {r.format for r in records} == {"safetensors", "onnx"}
    assert max(r.difference for r in records) < 1e-5
    path = tmp_path / "out" / "one.safetensors"
    assert verify_network(path, generator) == 0
    own = SPACE.make(heads=2, stubborn=False)
    state = read_network(path).module.module.state_dict()  # type: ignore[union-attr]
    assert {name for name, _ in own.named_parameters() if not name.startswith("norm")} == set(state)
    monkeypatch.setattr(module, "_MADE", {})
    with pytest.raises(UnknownName, match="unknown space 'workbench_net'"):
        read_network(path)
