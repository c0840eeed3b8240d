"""The first signal waits for a good moment, the second does not."""

import os
import signal
from collections.abc import Iterator

import pytest

from sweeps.deferring import deferring


class StoppedError(BaseException):
    pass


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise StoppedError

    before = signal.signal(signal.SIGINT, stop)
    yield
    assert signal.getsignal(signal.SIGINT) is stop, "put back"
    signal.signal(signal.SIGINT, before)


def steps_until_stopped(signals_at: tuple[int, ...], deliver: bool, said: list[str]) -> int:
    """Five steps, in some of which Ctrl-C is pressed."""
    steps = 0
    try:
        with deferring(said.append) as signals:
            for step in range(5):
                if step in signals_at:
                    os.kill(os.getpid(), signal.SIGINT)
                steps += 1
                if deliver:
                    signals.deliver()
    except StoppedError:
        return steps
    raise AssertionError("it was not stopped")


def test_the_first_waits_for_the_end_of_the_step() -> None:
    said: list[str] = []
    assert steps_until_stopped((2,), True, said) == 3
    assert len(said) == 1


def test_the_second_does_not_wait() -> None:
    assert steps_until_stopped((1, 3), False, []) == 3


def test_one_that_nobody_delivered_is_answered_at_the_end() -> None:
    assert steps_until_stopped((1,), False, []) == 5
