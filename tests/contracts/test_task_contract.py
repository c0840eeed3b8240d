"""Every registered task keeps the shipped contract; those that read files get small ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.tasks import TASKS, Task, load_task, split_task
from workbench.tasks.idx import FILES
from workbench.tasks.testing import TaskContract

MADE: dict[str, Task] = {}


class TestRegistered(TaskContract):
    @pytest.fixture(params=TASKS.names())
    def make(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Task]:
        if request.param == "idx":
            rng = np.random.default_rng(0)
            for name, count in zip(FILES, (60, 60, 20, 20), strict=True):
                shape = (count, 4, 5) if "images" in name else (count,)
                high = 256 if "images" in name else 3
                array = rng.integers(high, size=shape, dtype=np.uint8)
                head = b"\0\0\x08" + bytes([array.ndim]) + np.array(shape, ">u4").tobytes()
                (tmp_path / name).write_bytes(head + array.tobytes())
            return lambda: load_task("idx", str(tmp_path))
        if request.param == "file":
            rng = np.random.default_rng(1)
            x, y = rng.normal(size=(60, 4, 5)), rng.choice(["bag", "boot", "coat"], size=60)
            np.savez(tmp_path / "mine.npz", x=x, y=y)
            return lambda: load_task("file", str(tmp_path / "mine.npz"))
        return lambda: load_task(request.param)

    @pytest.fixture
    def task(self, request: pytest.FixtureRequest, make: Callable[[], Task]) -> Task:
        name = request.node.callspec.params["make"]
        if name not in MADE:
            MADE[name] = make()
        return MADE[name]


class TestFromArrays(TaskContract):
    @pytest.fixture
    def make(self) -> Callable[[], Task]:
        rng = np.random.default_rng(3)
        x, y = rng.normal(5.0, 3.0, size=(200, 2, 3)), rng.integers(4, size=200)
        return lambda: split_task("made", x, y)
