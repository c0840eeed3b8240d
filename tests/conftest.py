"""What all tests share: types and shapes checked at run time, an unhurried hypothesis, one thread."""

import os
import sys

# Before torch is imported: threads that wait for each other cost small networks ten times their time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search_spaces import Architecture

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


@pytest.fixture(autouse=True)
def _denormal_numbers() -> "Iterator[None]":
    """Whoever trains flushes them for the whole thread; hypothesis wants them back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="module")
def on_processor() -> "Iterator[None]":
    """For what is compared bit by bit: a GPU adds numbers in no fixed order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEIGHTLOOM_DEVICE", "cpu")
        yield


@pytest.fixture
def mixed_architectures() -> "list[Architecture]":
    """Networks of many operations for 12 inputs as a sequence of 2 x 6, and 3 classes; the first and third alike."""
    from search_spaces import Architecture, Edge, Node

    def node(name: str, operation: str, **choices: int | str) -> Node:
        return Node(name=name, operation=operation, choices=tuple(choices.items()))

    def build(channels: int, norm: str) -> Architecture:
        conv = {"activation": "relu", "groups": 1, "kernel": 3, "norm": norm, "stride": 1}
        nodes = (
            node("data", "sequence", channels=2, length=6),
            node("stem", "conv", channels=channels, **conv),
            node("place", "position"),
            node("mix", "attention", heads=2, kind="full"),
            node("wide", "conv", channels=channels, **conv),
            node("sum", "add"),
            node("gru", "recurrent", width=3),
            node("both", "concat"),
            node("weigh", "squeeze_excite", ratio=2),
            node("pool", "pool", kind="avg", kernel=3, stride=2),
            node("scale", "norm", kind="layer"),
            node("flat", "global_pool", kind="avg"),
            node("gated", "gated_dense", activation="silu", norm="rms", width=5),
            node("output", "dense", activation="none", norm="none", width=3),
        )
        wires = [
            ("data", "stem"),
            ("stem", "place"),
            ("place", "mix"),
            ("place", "wide"),
            ("place", "sum"),
            ("sum", "gru"),
            ("gru", "both"),
            ("sum", "both"),
            ("both", "weigh"),
            ("weigh", "pool"),
            ("pool", "scale"),
            ("scale", "flat"),
            ("flat", "gated"),
            ("gated", "output"),
        ]
        edges = [Edge(source=a, target=b) for a, b in wires]
        edges += [Edge(source=a, target="sum", optional=True) for a in ("mix", "wide")]
        return Architecture(space="mixed", nodes=nodes, edges=tuple(edges))

    return [build(4, "group"), build(6, "none"), build(4, "group")]
