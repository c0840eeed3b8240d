"""The example of a user's own space installs by its entry point and keeps the contract."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from search_spaces import SearchSpace
from search_spaces.testing import SpaceContract

FOLDER = Path(__file__).parents[2] / "examples" / "own_space"


class TestOwnSpace(SpaceContract):
    @pytest.fixture
    def space(self) -> SearchSpace:
        project = tomllib.loads((FOLDER / "pyproject.toml").read_text())
        (value,) = project["project"]["entry-points"]["weightloom.spaces"].values()
        module, name = value.split(":")
        spec = importlib.util.spec_from_file_location(module, FOLDER / f"{module}.py")
        assert spec
        assert spec.loader
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return getattr(loaded, name)(inputs=6, outputs=3)

    def test_name_is_the_registered_one(self, space: SearchSpace) -> None:
        project = tomllib.loads((FOLDER / "pyproject.toml").read_text())
        assert space.name in project["project"]["entry-points"]["weightloom.spaces"]
