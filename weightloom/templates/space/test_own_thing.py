"""The contract that every space keeps; run it with ``pytest``."""

import pytest
from own_thing import OwnThingSpace

from search_spaces import SearchSpace
from search_spaces.testing import SpaceContract


class TestOwnThing(SpaceContract):
    """All of the tests come from the contract."""

    @pytest.fixture
    def space(self) -> SearchSpace:
        """Small enough to be listed in full."""
        return OwnThingSpace(inputs=6, outputs=3)
