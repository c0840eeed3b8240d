"""The ledger is appended to, and whatever is done to it later is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_exports import small_network

from search_spaces import DamagedFile
from workbench.export import export_network
from workbench.ledger import FIRST, Ledger
from workbench.summary import ExportRecord

_, GENERATED, RECORD = small_network()


def _written(run: Path, stem: str, seed: int) -> tuple[ExportRecord, ...]:
    record = RECORD.model_copy(update={"seed": seed})
    return export_network(GENERATED, 0, run / "exports", stem, record, torch.randn(3, 6), ("safetensors",))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path)
    assert ledger.lines() == []
    assert ledger.head() == FIRST
    for seed in range(4):
        ledger.add("export", _written(tmp_path, f"n{seed}", seed), tmp_path)
    return tmp_path


def test_each_network_is_a_line(run: Path) -> None:
    ledger = Ledger(run)
    lines = ledger.lines()
    assert [line["line"] for line in lines] == [1, 2, 3, 4]
    assert [line["seed"] for line in lines] == [0, 1, 2, 3]
    assert [line["path"] for line in lines] == [f"exports/n{i}.safetensors" for i in range(4)]
    assert lines[0]["generator_digest"] == RECORD.generator_digest
    assert lines[0]["architecture"] == GENERATED.blueprints[0].architecture.key
    assert ledger.head() == lines[-1]["hash"]
    assert ledger.remarks() == []
    before = ledger.path.read_bytes()
    ledger.add("generate", _written(run, "n4", 4), run)
    assert ledger.path.read_bytes().startswith(before)
    assert ledger.lines()[-1]["previous"] == lines[-1]["hash"]


def _swap(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def _alter(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b'"seed":1', b'"seed":9')


def _forge(lines: list[bytes]) -> None:
    """Altered, with a hash that fits: the line after it no longer does."""
    from workbench.ledger import _hash

    line = json.loads(lines[0])
    line["seed"] = 9
    line["hash"] = _hash(line)
    lines[0] = json.dumps(line).encode() + b"\n"


def _remove(lines: list[bytes]) -> None:
    del lines[1]


def _cut(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:-20]


def _nonsense(lines: list[bytes]) -> None:
    lines[2] = b"[]\n"


@pytest.mark.parametrize(
    ("change", "line"), [(_alter, 2), (_forge, 2), (_remove, 2), (_swap, 2), (_nonsense, 3), (_cut, 4)]
)
def test_the_first_broken_line_is_named(run: Path, change: Callable[[list[bytes]], None], line: int) -> None:
    path = Ledger(run).path
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))
    with pytest.raises(DamagedFile, match=rf"ledger\.jsonl: line {line}:"):
        Ledger(run).lines()
    before = path.read_bytes()
    with pytest.raises(DamagedFile, match=f"line {line}:"):
        Ledger(run).add("export", _written(run, "more", 9), run)
    assert path.read_bytes() == before


def test_files_that_changed_or_went_are_remarked(run: Path) -> None:
    (run / "exports/n0.safetensors").unlink()
    (run / "exports/n1.safetensors").write_bytes(b"x")
    assert Ledger(run).remarks() == [
        "exports/n0.safetensors is no longer there",
        "exports/n1.safetensors is not as it was logged",
    ]
    _written(run, "n1", 1)  # the same network again, made at another time of the same record
    assert Ledger(run).remarks() == ["exports/n0.safetensors is no longer there"]
