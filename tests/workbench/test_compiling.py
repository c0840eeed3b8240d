"""Training with compiled layers, and with products of fewer bits."""

from functools import partial

import jaxtyping
import pytest
import torch
from small_laboratory import small_laboratory
from torch import Tensor

from generators.generator import Generator
from generators.registry import make_generator
from workbench.laboratory import Laboratory
from workbench.training import TrainingConfig, module, plan, train_generator
from workbench.training.compiling import compiled, layers_of

SMALL = {
    "mlp": {"d": 8, "hidden": 16, "layers": 2},
    "experts": {"d": 8, "hidden": 16, "layers": 2, "experts": 3},
    "transformer": {"d": 16, "layers": 1},
    "diffusion": {"d": 16, "layers": 1},
}


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return small_laboratory(tmp_path_factory.mktemp("zoo"), steps=10)


def trained(family: str, laboratory: Laboratory, **settings: object) -> tuple[Generator, list[float]]:
    """After a few steps, and the losses of these."""
    torch.manual_seed(0)
    generator = make_generator(family, SMALL[family])
    config = TrainingConfig.model_validate({"steps": 6, "architectures": 3, "batch_size": 32, **settings})
    phases = plan(generator, config, laboratory.task, laboratory.zoo.pool, laboratory.zoo.training)
    return generator, [loss for _, _, loss in train_generator(generator, phases, config).curve]


def emitted(generator: Generator, laboratory: Laboratory) -> Tensor:
    with torch.no_grad():
        return generator.generate(laboratory.test.blueprints, range(3)).tokens


@pytest.mark.parametrize("family", SMALL)
def test_compiled_layers_are_traced_and_compute_the_same(
    family: str, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[int] = []

    def counted(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> object:
        graphs.append(len(graph.graph.nodes))
        return graph

    monkeypatch.setattr(module, "compiled", partial(compiled, backend=counted))
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the checks cannot be traced
    plain, losses = trained(family, laboratory)
    assert not graphs
    other, theirs = trained(family, laboratory, compile=True)
    assert graphs
    assert theirs == pytest.approx(losses, rel=1e-4)
    assert torch.allclose(emitted(other, laboratory), emitted(plain, laboratory), atol=1e-4)
    assert all(layer._compiled_call_impl is None for layer in layers_of(other))


@pytest.mark.parametrize("family", SMALL)
def test_fewer_bits_change_products_but_not_what_is_emitted(family: str, laboratory: Laboratory) -> None:
    generator, losses = trained(family, laboratory, precision="bf16-mixed")
    _, theirs = trained(family, laboratory)
    assert losses != theirs
    assert losses == pytest.approx(theirs, abs=0.1)
    assert emitted(generator, laboratory).dtype == torch.float32
    assert {p.dtype for p in generator.parameters()} == {torch.float32}
