"""Files planted by hand and drawn by hypothesis: no reader executes, hangs, swells, dies or answers unclearly."""

from collections.abc import Iterator

import pytest

from benchmarks.hostile.__main__ import fuzzed
from benchmarks.hostile.attacks import pickles, planted
from benchmarks.hostile.judge import Judge

DRAWN = 12
"""For each reader; ``python -m benchmarks.hostile`` draws thousands."""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    found = Judge(folder=tmp_path_factory.mktemp("hostile"))
    yield found
    found.close()


def test_hostile_files_are_refused_in_one_line(judge: Judge) -> None:
    for reader, files in judge.sound().items():
        for what, hostile in planted(reader, files, judge.marker):
            judge.try_(reader, what, hostile)
        fuzzed(judge, reader, files, DRAWN)
    assert judge.findings == []
    assert judge.counts["refused"] > 700
    assert judge.counts["read"] + judge.counts["refused"] == judge.counts["tried"]


def test_the_judge_notices(judge: Judge) -> None:
    """Controls that must fail: a reader that unpickles, one that hangs, one that swells, one that breaks."""
    payload = pickles(judge.marker)["a pickle"]
    outcomes = [judge.try_(f"control: {what}", "a pickle", {"file": payload}) for what in CONTROLS]
    assert outcomes == list(CONTROLS.values())


CONTROLS = {"unpickles": "executed", "hangs": "hung", "swells": "swollen", "breaks": "unclear"}
