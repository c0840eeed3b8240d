"""What all tests share: types and shapes checked at run time, an unhurried hypothesis, one thread."""

import os

# Before torch is imported: threads that wait for each other cost small networks ten times their time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before anything of ours is imported: every annotation of these packages is checked at each call, shapes too.
if os.environ.get("WEIGHTLOOM_CHECK_TYPES", "1") != "0":
    # not the rooms with pydantic models that return typing.Self, which beartype cannot see one method at a time
    rooms = [f"workbench.{room}" for room in ("execution", "tasks", "metrics", "training", "zoo")]
    install_import_hook(["search_spaces", "generators", *rooms], "beartype.beartype")

# A slow machine is no failure.
settings.register_profile("unhurried", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    # beartype looks at random items of containers, also in strategies that make our objects
    config.addinivalue_line(
        "filterwarnings",
        "ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning",
    )
