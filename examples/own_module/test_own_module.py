"""The contract that every space keeps; run it with ``pytest``."""

import pytest
from own_module import SmallNetSpace

from search_spaces import SearchSpace
from search_spaces.testing import SpaceContract


class TestSmallNet(SpaceContract):
    """All of the tests come from the contract."""

    @pytest.fixture
    def space(self) -> SearchSpace:
        """For small pictures."""
        return SmallNetSpace(inputs=50, outputs=3, shape=(2, 5, 5))
