"""What a user's own module may not do as a space, and mistakes in its files."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_modules import Chain, made
from torch import Tensor, nn
from torch.nn import functional

from search_spaces import Architecture, Blueprint, UnknownName, WeightloomError
from search_spaces.building import network_of
from search_spaces.network import GraphNetwork
from search_spaces.operations import shapes


class Mean(nn.Module):
    """A buffer that follows the data."""

    def __init__(self, replaced: bool) -> None:
        super().__init__()
        self.replaced = replaced
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.replaced:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        elif self.training:
            self.mean.mul_(0.9).add_(0.1 * x.mean(0))
        return x - self.mean


class Unused(Chain):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(6, 3)


def changed_in_place(x: Tensor) -> Tensor:
    return x.relu_()


class Pointwise(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def scripted(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # torch would rather see it go
        return torch.jit.script(module)


def fails() -> nn.Module:
    raise ValueError("no such thing")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Chain(nn.BatchNorm1d(6)), r"layer 'layers.0' \(BatchNorm1d\).*use GroupNorm"),
        (lambda: Chain(nn.BatchNorm1d(6, track_running_stats=False)), r"layer 'layers.0' \(BatchNorm1d\)"),
        (lambda: Chain(Mean(True)), r"layer 'layers.0' \(Mean\).*'mean', which it changes"),
        (lambda: Chain(Mean(False)), r"layer 'layers.0' \(Mean\).*'mean', which it changes"),
        (lambda: Chain(Pointwise(functional.dropout)), r"layer 'layers.0' \(Pointwise\).*randomness.*nn.Dropout"),
        (lambda: Chain(then=lambda x: x + torch.randn(3)), "forward: .*randomness"),
        (lambda: Chain(Pointwise(changed_in_place)), "changed in place"),
        (lambda: Chain(then=lambda x: x if x.sum() > 0 else -x), "runs on the meta device"),
        (lambda: Chain(nn.Linear(5, 6)), r"layer 'layers.0' \(Linear\).*RuntimeError"),
        (lambda: Chain(then=lambda x: x[:, :2]), r"expected a tensor \[batch, 3\].*\(3, 2\)"),
        (lambda: Chain(then=lambda x: (x, x)), "got tuple"),
        (Unused, "layer 'spare'.*take part in forward"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), r"layer '0' \(LazyLinear\).*lazy"),
        (lambda: Chain(scripted(nn.ReLU())), "layer 'layers.0'.*TorchScript"),
        (lambda: nn.Identity(), "module with parameters, got Identity"),
        (lambda: nn.ParameterList([torch.ones(1, dtype=torch.complex64)]), "real numbers"),
        (fails, r"make\(\) to give a module, got ValueError: no such thing"),
        (lambda: 3, "expected an nn.Module, got int"),
    ],
)
def test_what_no_network_may_do_is_refused(make: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(WeightloomError, match=said) as caught:
        made(make)
    assert str(caught.value).startswith("space mine: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"skippable": ("layers.9",)}, "unknown submodule 'layers.9'"),
        ({"skippable": ("head",)}, r"layer 'head' \(Linear\).*one shape, got \(3, 6\) and \(3, 3\)"),
        ({"skippable": ("spare",)}, "layer 'spare' is never called"),
        ({"skippable": "head"}, "expected paths such as"),
        ({"narrowable": {"layers.0": (2,)}}, r"layer 'layers.0' \(ReLU\).*Linear, Conv1d"),
        ({"narrowable": {"head": (4,)}}, "from 1 to 3 outputs, got 4"),
        ({"narrowable": {"head": 2}}, "narrowable: expected names"),
        ({"narrowable": {"head": ()}}, "one or more options"),
        ({"arguments": {"width": (1,)}}, r"make\(width=1\).*TypeError"),
        ({"name": "module"}, "a word other than module and compacted, got 'module'"),
        ({"name": None}, "class attribute 'name'"),
    ],
)
def test_mistakes_of_a_space_are_named(words: dict[str, Any], said: str) -> None:
    def make() -> nn.Module:
        chain = Chain(nn.ReLU())
        chain.add_module("spare", nn.Identity())
        return chain

    with pytest.raises(WeightloomError, match=said):
        made(make, **words)


def test_shared_and_grouped_layers_are_not_narrowed() -> None:
    def tied() -> nn.Module:
        chain = Chain(nn.Linear(6, 6), nn.Linear(6, 6))
        chain.layers[1].weight = chain.layers[0].weight
        return chain

    with pytest.raises(WeightloomError, match="another layer shares"):
        made(tied, narrowable={"layers.0": (2,)})
    grouped = [nn.Unflatten(1, (2, 3)), nn.Conv1d(2, 2, 3, groups=2, padding=1), nn.Flatten()]
    with pytest.raises(WeightloomError, match="one group, got 2"):
        made(lambda: Chain(*grouped), narrowable={"layers.1": (1,)})
    tied_space = made(tied)
    network = tied_space.build(tied_space.sample(np.random.default_rng(0)))
    assert Blueprint.of(network.architecture).parameter_count == 6 * 6 + 12 + 6 * 3 + 3
    weights = {name: torch.full_like(p, 0.5) for name, p in network.named_parameters()}
    assert network.load(weights).module.layers[1].weight is network.module.layers[0].weight
    with pytest.raises(WeightloomError, match="missing weights"):
        network.load({})


def test_networks_come_from_the_space_that_their_files_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from search_spaces import module, registry

    architecture = made(lambda: Chain(nn.ReLU()), name="lent").sample(np.random.default_rng(0))
    assert network_of(Architecture.from_json(architecture.to_json())).architecture == architecture
    made(lambda: Chain(nn.GELU()), name="lent")
    with pytest.raises(WeightloomError, match="altered since"):
        network_of(architecture)
    monkeypatch.setattr(module, "_MADE", {})
    with pytest.raises(UnknownName, match="unknown space 'lent'"):
        network_of(architecture)
    text = architecture.to_json().replace('"lent"', '"mlp"')
    with pytest.raises(WeightloomError, match="space 'mlp': expected a ModuleSpace"):
        network_of(Architecture.from_json(text))
    with pytest.raises(WeightloomError, match="our own operations"):
        GraphNetwork(architecture)
    with pytest.raises(WeightloomError, match="make it a search_spaces"):
        network_of(Blueprint.of_module(nn.Linear(3, 2)).architecture)
    assert registry.SPACES.names()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"flops":', '"flips":', "expected a word 'kind' and a number 'flops'"),
        ('"gives.0":6', '"gives.0":-1', "from 0 to 1048576, got 'gives.0' = -1"),
        ('"module":"mine"', '"module":3', "'width' and 'flops' and a word 'module'"),
    ],
)
def test_altered_graphs_are_refused(before: str, after: str, said: str) -> None:
    text = made(lambda: Chain(nn.ReLU())).sample(np.random.default_rng(0)).to_json()
    assert before in text
    with pytest.raises(WeightloomError, match=said):
        shapes(Architecture.from_json(text.replace(before, after)))
