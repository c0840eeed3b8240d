"""Every registered generator keeps the shipped contract."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from generators.generator import Fitted, Generator
from generators.registry import GENERATORS, make_generator
from generators.testing import GeneratorContract, small_collection

# tokens narrower than most fan-ins, so that neurons are cut into chunks
SMALL: Mapping[str, Mapping[str, Any]] = {
    "mlp": {"d": 16, "hidden": 24, "layers": 2, "latent": 6},
    "transformer": {"d": 16, "layers": 2, "latent": 6},
    "retrieve": {"k": 3},
    "diffusion": {"d": 16, "layers": 2, "steps": 3, "gradient_steps": 1},
}


class TestRegistered(GeneratorContract):
    @pytest.fixture(params=GENERATORS.names())
    def generator(self, request: pytest.FixtureRequest) -> Generator:
        torch.manual_seed(0)
        generator = make_generator(request.param, {"token_width": 4, **SMALL.get(request.param, {})})
        if isinstance(generator, Fitted):
            generator.fit(small_collection(generator.tokenizer))
        return generator


class TestRank(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        torch.manual_seed(0)
        return make_generator("mlp", {"token_width": 4, **SMALL["mlp"], "rank": 5})


class TestRetrieveNearest(GeneratorContract):
    deterministic = True

    @pytest.fixture
    def generator(self) -> Generator:
        generator = make_generator("retrieve", {"token_width": 4})
        assert isinstance(generator, Fitted)
        generator.fit(small_collection(generator.tokenizer))
        return generator


# diffusers 0.42 turns a tensor into an array in a way that numpy 2 warns of
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
class TestDiffusionSchedulers(GeneratorContract):
    @pytest.fixture(params=["ddim", "dpm++"])
    def generator(self, request: pytest.FixtureRequest) -> Generator:
        torch.manual_seed(0)
        settings = {"token_width": 4, **SMALL["diffusion"], "scheduler": request.param, "gradient_steps": 2}
        return make_generator("diffusion", settings)
