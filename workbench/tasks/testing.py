"""The contract that every task keeps, as a test class that a plug-in inherits.

class TestMine(TaskContract):
@pytest.fixture
def make(self):
return my_task
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from workbench.tasks.task import Split, Task, loss, score


class TaskContract:
    """Inherit, and give a fixture ``make``: a function without arguments that makes the task."""

    @pytest.fixture
    def make(self) -> Callable[[], Task]:
        """Makes the task to be tested."""
        raise NotImplementedError("give the test class a fixture called make")

    @pytest.fixture
    def task(self, make: Callable[[], Task]) -> Task:
        """The task to be tested."""
        return make()

    def test_splits(self, task: Task) -> None:
        """Three splits of flattened, finite float32 examples with a class each, every class in training."""
        for split in (task.train, task.validation, task.test):
            assert len(split) > 0
            assert split.x.shape == (len(split), task.inputs)
            assert math.prod(task.shape) == task.inputs
            assert split.x.dtype == torch.float32
            assert bool(torch.isfinite(split.x).all())
            assert split.y.dtype == torch.int64
            assert 0 <= int(split.y.min()) <= int(split.y.max()) < task.classes
        assert len(task.train.y.unique()) == task.classes >= 2
        assert len(task.train) > len(task.validation)

    def test_splits_do_not_overlap(self, task: Task) -> None:
        """At most one example in a hundred of validation and test is also in training (data has doubles)."""
        seen = _rows(task.train)
        for split in (task.validation, task.test):
            assert len(_rows(split) & seen) <= 0.01 * len(split)
        assert len(_rows(task.validation) & _rows(task.test)) <= 0.01 * len(task.test)

    def test_standardised(self, task: Task) -> None:
        """Over the training split every input has mean 0 and all together have standard deviation 1."""
        np.testing.assert_allclose(task.train.x.mean(0), 0.0, atol=1e-3)
        assert 0.5 < float(task.train.x.std()) < 1.5
        mean_square = float(task.train.x.square().mean())
        assert mean_square <= 1.0 + 1e-3

    def test_deterministic(self, make: Callable[[], Task]) -> None:
        """Made twice it is the same to the bit, and no global random state is moved."""
        before = torch.get_rng_state(), str(np.random.get_state())
        first, second = make(), make()
        assert first.digest() == second.digest()
        assert first.name == second.name
        assert bool((torch.get_rng_state() == before[0]).all())
        assert str(np.random.get_state()) == before[1]

    def test_moves(self, task: Task) -> None:
        """It can be moved to a device without change."""
        assert task.to("cpu").digest() == task.digest()

    def test_loss_and_score(self, task: Task) -> None:
        """Perfect answers cost nothing and score 1; no opinion costs ln(classes)."""
        y = task.validation.y
        right = torch.nn.functional.one_hot(y, task.classes).float()[None]
        assert float(loss(100.0 * right, y)) < 1e-6
        assert float(score(right, y)) == 1.0
        assert float(loss(torch.zeros_like(right), y)) == pytest.approx(np.log(task.classes), rel=1e-4)


def _rows(split: Split) -> set[bytes]:
    return {row.tobytes() for row in split.x.numpy()}
