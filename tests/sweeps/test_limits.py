"""A trial that uses too much is told so, wherever it is."""

import subprocess
import sys
import time

import pytest

from sweeps.engines import AGAIN
from sweeps.limits import LimitExceeded, Limits, MemoryExceeded, limited, resident_mb


def never(reason: str) -> None:
    raise AssertionError(reason)


def test_seconds() -> None:
    began = time.monotonic()
    expected = pytest.raises(LimitExceeded, match=r"limits\.seconds: expected the trial to end within 0\.3 s")
    with expected, limited(Limits(seconds=0.3), never):
        while True:
            time.sleep(0.01)
    assert time.monotonic() - began < 3
    with limited(Limits(seconds=5), never):
        pass
    time.sleep(0.2)  # and nothing comes later


def test_memory() -> None:
    now = resident_mb()
    assert now is not None
    taken = []
    expected = pytest.raises(MemoryExceeded, match=r"limits\.memory_mb: expected at most")
    with expected, limited(Limits(memory_mb=int(now) + 100), never):
        for _ in range(100):
            taken.append(b"x" * 10_000_000)
            time.sleep(0.02)
    assert 5 < len(taken) < 60


def test_one_that_does_not_hear_is_ended_with_its_process() -> None:
    code = (
        "import time\nfrom sweeps import limits\nlimits.DEAF_SECONDS = 0.5\n"
        "with limits.limited(limits.Limits(seconds=0.2), lambda reason: print(reason, flush=True)):\n"
        "    while True:\n        try:\n            time.sleep(60)\n"
        "        except limits.LimitExceeded:\n            pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == AGAIN, done.stderr
    assert "expected the trial to end within 0.2 s" in done.stdout
