"""Every registered search space keeps the shipped contract; so do small ones that can be listed in full."""

import math

import pytest
from torch import Tensor, nn

from search_spaces import SPACES, MLPSpace, ModuleSpace, SearchSpace
from search_spaces.cell import CellSpace
from search_spaces.dag import DagSpace
from search_spaces.testing import SpaceContract

SHAPES = {1: (7,), 2: (1, 9), 3: (2, 8, 5)}


def registered() -> list[tuple[str, tuple[int, ...]]]:
    """Every space with data of every rank that it takes."""
    return [(name, SHAPES[rank]) for name in SPACES.names() for rank in SPACES.load(name).ranks]


class TestRegistered(SpaceContract):
    @pytest.fixture(params=registered(), ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        name, shape = request.param
        return SPACES.load(name)(inputs=math.prod(shape), outputs=3, shape=shape)


class TestListable(SpaceContract):
    @pytest.fixture(params=[(0,), (1, 2), (0, 1, 3)], ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        return MLPSpace(inputs=4, outputs=2, depths=request.param, widths=(2, 5), activations=("tanh", "relu"))


class TestOneArchitecture(SpaceContract):
    @pytest.fixture
    def space(self) -> SearchSpace:
        class Single(MLPSpace):
            name = "mlp"

        return Single(inputs=4, outputs=2, depths=(1,), widths=(3,), activations=("none",))


class TestDeepenedMLP(SpaceContract):
    @pytest.fixture(params=[("skips", "residual", "dense"), ("residual",), ("dense",)], ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        return MLPSpace(
            inputs=4,
            outputs=2,
            depths=(0, 2, 4),
            widths=(2, 5),
            activations=("relu", "sigmoid", "elu"),
            norms=("none", "layer", "rms"),
            units=("dense", "gated"),
            wirings=request.param,
        )


class TestFullCell(SpaceContract):
    samples = 3

    @pytest.fixture
    def space(self) -> SearchSpace:
        return CellSpace(inputs=64, outputs=3, shape=(1, 8, 8), channels=4, cells=2, stages=2)


class TestListableDag(SpaceContract):
    @pytest.fixture
    def space(self) -> SearchSpace:
        return DagSpace(
            inputs=8,
            outputs=3,
            shape=(1, 8),
            nodes=(1, 2),
            widths=(2,),
            kernels=(1,),
            heads=(1,),
            attentions=("full",),
            activations=("relu",),
            norms=("layer",),
        )


class OneModule(ModuleSpace):
    """One point: a layer by itself."""

    name = "one_module"

    def make(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(self.inputs, self.outputs))


class Recurrent(nn.Module):
    """A recurrent layer, a tied one, and a residual."""

    def __init__(self, channels: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(channels, 4, batch_first=True)
        self.hidden = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.hidden[1].weight = self.hidden[0].weight
        self.depth, self.head = depth, nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = self.recurrent(x.transpose(1, 2))[0].mean(1)
        for layer in self.hidden:
            for _ in range(self.depth):
                h = h + layer(h.tanh())
        return self.head(h)


class RecurrentSpace(ModuleSpace):
    """Everything that may be chosen, one within the other."""

    name = "recurrent_module"
    ranks = (2,)
    arguments = {"depth": (1, 2)}  # noqa: RUF012 - as a user would write it
    skippable = ("hidden.2", "hidden.0")
    narrowable = {"hidden.2": (2, 4)}  # noqa: RUF012

    def make(self, depth: int) -> nn.Module:
        return Recurrent(self.shape[0], self.outputs, depth)


class TestModules(SpaceContract):
    @pytest.fixture(params=[(OneModule, (5,)), (OneModule, (1, 3, 2)), (RecurrentSpace, (2, 6))], ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        kind, shape = request.param
        return kind(inputs=math.prod(shape), outputs=3, shape=shape)
