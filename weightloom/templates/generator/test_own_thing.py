"""The contract that every generator keeps; run it with ``pytest``."""

import pytest
import torch
from own_thing import OwnThingConfig, OwnThingGenerator

from generators import Generator
from generators.testing import GeneratorContract


class TestOwnThing(GeneratorContract):
    """All of the tests come from the contract."""

    @pytest.fixture
    def generator(self) -> Generator:
        """A small one; tokens narrower than most layers, so that neurons are cut into several."""
        torch.manual_seed(0)
        return OwnThingGenerator(OwnThingConfig(token_width=4, d=16))
