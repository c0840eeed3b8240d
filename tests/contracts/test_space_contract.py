"""Every registered search space keeps the shipped contract; so do small ones that can be listed in full."""

import pytest

from search_spaces import SPACES, MLPSpace, SearchSpace
from search_spaces.testing import SpaceContract


class TestRegistered(SpaceContract):
    @pytest.fixture(params=SPACES.names())
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        return SPACES.load(request.param)(inputs=7, outputs=3)


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
