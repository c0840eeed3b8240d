"""The contract that every task keeps; run it with ``pytest``."""

from collections.abc import Callable

import pytest
from own_thing import own_thing

from workbench.tasks import Task
from workbench.tasks.testing import TaskContract


class TestOwnThing(TaskContract):
    """All of the tests come from the contract."""

    @pytest.fixture
    def make(self) -> Callable[[], Task]:
        """Makes the task."""
        return own_thing
