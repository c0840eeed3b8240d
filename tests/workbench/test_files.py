from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from search_spaces.errors import DamagedFile, WeightloomError
from workbench import files


def test_json_round_trip_and_missing_numbers(tmp_path: Path) -> None:
    path = files.write_json(tmp_path / "new" / "a.json", {"x": [1, math.nan, math.inf], "y": "ü", "z": (1.5,)})
    assert files.read_json(path) == {"x": [1, None, None], "y": "ü", "z": [1.5]}


def test_numpy_becomes_plain(tmp_path: Path) -> None:
    path = files.write_json(tmp_path / "a.json", {"a": np.float32("nan"), "b": np.arange(3), "c": np.int64(4)})
    assert files.read_json(path) == {"a": None, "b": [0, 1, 2], "c": 4}


def test_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(WeightloomError, match="No space left"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(WeightloomError, match="cannot write"):
        files.write_text(tmp_path / "a" / "b.txt", "x")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"NaN", b"", b"[" * 100_000])
def test_damage_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.json"):
        files.read_json(tmp_path / "a.json")


def test_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match="make a run first"):
        files.read_json(tmp_path / "none.json", remedy="make a run first")


def test_sha256(tmp_path: Path) -> None:
    path = files.write_bytes(tmp_path / "a", b"abc")
    assert files.sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(WeightloomError, match="none"):
        files.sha256(tmp_path / "none")
