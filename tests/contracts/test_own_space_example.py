"""The packages of a user's own spaces name an entry point that exists, and keep the contract."""

import importlib.util
import math
import tomllib
from pathlib import Path

import pytest

from search_spaces import SearchSpace
from search_spaces.testing import SpaceContract

ROOT = Path(__file__).parents[2]
SHAPES = {"weightloom/templates/space": (1, 2, 3), "examples/own_module": (2, 5, 5)}


def points(folder: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())
    found = project["project"]["entry-points"]["weightloom.spaces"]
    assert isinstance(found, dict)
    return found


class TestOwnSpaces(SpaceContract):
    @pytest.fixture(params=SHAPES.items(), ids=str)
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        folder, shape = request.param
        ((name, value),) = points(folder).items()
        module, attribute = value.split(":")
        spec = importlib.util.spec_from_file_location(module, ROOT / folder / f"{module}.py")
        assert spec
        assert spec.loader
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        space = getattr(loaded, attribute)(inputs=math.prod(shape), outputs=3, shape=shape)
        assert space.name == name
        return space
