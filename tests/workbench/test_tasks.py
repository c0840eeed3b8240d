"""Tasks: what they hold, and files that are missing or damaged."""

import gzip
import re
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from search_spaces import DamagedFile, UnknownName, WeightloomError
from workbench.tasks import TASKS, load_task, loss, score, split_task
from workbench.tasks.idx import FILES, read_idx


def write_idx(path: Path, array: np.ndarray) -> None:
    data = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_folder(folder: Path, suffix: str = "") -> Path:
    rng = np.random.default_rng(0)
    for name, count in zip(FILES, (60, 60, 20, 20), strict=True):
        images = rng.integers(256, size=(count, 4, 5), dtype=np.uint8)
        labels = (np.arange(count) % 3).astype(np.uint8)
        write_idx(folder / f"{name}{suffix}", images if "images" in name else labels)
    return folder


def one_line(error: pytest.ExceptionInfo[WeightloomError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert type(error.value).__mro__.index(WeightloomError) >= 0
    return message


def test_sizes() -> None:
    digits, ones = load_task("digits"), load_task("mnist1d")
    assert (digits.inputs, digits.classes) == (64, 10)
    assert [len(s) for s in (digits.train, digits.validation, digits.test)] == [1078, 270, 449]
    assert (ones.inputs, ones.classes) == (40, 10)
    assert [len(s) for s in (ones.train, ones.validation, ones.test)] == [3200, 800, 1000]


def test_splits_share_no_row() -> None:
    x = np.arange(100, dtype=np.float32)[:, None]
    task = split_task("rows", x, np.arange(100) % 2)
    rows = [set(split.x[:, 0].tolist()) for split in (task.train, task.validation, task.test)]
    assert [len(r) for r in rows] == [60, 15, 25]
    assert len(set.union(*rows)) == 100


def test_split_depends_on_seed_only() -> None:
    x, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 5
    assert split_task("a", x, y).digest() == split_task("a", x.copy(), y).digest()
    assert split_task("a", x, y, seed=1).digest() != split_task("a", x, y).digest()


def test_a_constant_input_is_no_division_by_zero() -> None:
    task = split_task("flat", np.ones((20, 2)), np.arange(20) % 2)
    assert bool(torch.isfinite(task.train.x).all())


@pytest.mark.parametrize(
    ("x", "y", "test"),
    [
        (np.zeros((20, 2)), np.zeros(19), None),
        (np.zeros((9, 2)), np.zeros(9), None),
        (np.zeros((0, 2)), np.zeros(0), None),
        (np.zeros((20, 2)), np.zeros((20, 2)), None),
        (np.full((20, 2), np.nan), np.zeros(20), None),
        (np.zeros((20, 2)), np.full(20, -1), None),
        (np.zeros((20, 2)), np.zeros(20), (np.zeros((5, 3)), np.zeros(5))),
        (np.zeros((20, 2)), np.zeros(20), (np.zeros((0, 2)), np.zeros(0))),
        (np.zeros((20, 2)), np.zeros(20), (np.zeros((5, 2)), np.zeros(4))),
    ],
)
def test_arrays_that_do_not_fit(x: np.ndarray, y: np.ndarray, test: tuple[np.ndarray, np.ndarray] | None) -> None:
    with pytest.raises(WeightloomError, match=r"task odd.*expected") as error:
        split_task("odd", x, y, test=test)
    one_line(error)


def test_loss_is_per_network_and_score_of_nan_is_nan() -> None:
    logits = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    y = torch.arange(8) % 4
    each = [torch.nn.functional.cross_entropy(one, y) for one in logits]
    torch.testing.assert_close(loss(logits, y), torch.stack(each))
    own = torch.stack([y, y.roll(1), y.roll(2)])
    each = [torch.nn.functional.cross_entropy(one, t) for one, t in zip(logits, own, strict=True)]
    torch.testing.assert_close(loss(logits, own), torch.stack(each))
    broken = logits.softmax(-1)
    broken[1, 0, 0] = torch.nan
    assert torch.isnan(score(broken, y)).tolist() == [False, True, False]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx(tmp_path: Path, suffix: str) -> None:
    task = load_task("idx", str(write_folder(tmp_path, suffix)))
    assert (task.inputs, task.classes) == (20, 3)
    assert [len(s) for s in (task.train, task.validation, task.test)] == [48, 12, 20]


def test_idx_gzipped_equals_plain(tmp_path: Path) -> None:
    for name, suffix in (("plain", ""), ("packed", ".gz")):
        (tmp_path / name).mkdir()
        write_folder(tmp_path / name, suffix)
    digests = {load_task("idx", str(tmp_path / name)).digest() for name in ("plain", "packed")}
    assert len(digests) == 1


def test_idx_without_folder() -> None:
    for folder in (None, "/nowhere/at/all"):
        with pytest.raises(WeightloomError, match="--data") as error:
            load_task("idx", folder)
        assert "apt install" in one_line(error)


@pytest.mark.parametrize("missing", FILES)
def test_idx_missing_file(tmp_path: Path, missing: str) -> None:
    (write_folder(tmp_path) / missing).unlink()
    with pytest.raises(WeightloomError, match=missing) as error:
        load_task("idx", str(tmp_path))
    assert str(tmp_path) in one_line(error)


def damage(kind: str, data: bytes) -> bytes:
    if kind == "empty":
        return b""
    if kind == "short header":
        return data[:6]
    if kind == "truncated":
        return data[:-7]
    if kind == "too long":
        return data + b"\0"
    if kind == "wrong magic":
        return b"\0\0\x0d" + data[3:]
    if kind == "no dimensions":
        return data[:3] + b"\0" + data[4:]
    if kind == "asks for all memory":
        return data[:4] + b"\xff" * 12 + data[16:]
    return data[:20] + b"\xff\x00\xff\x00" + data[24:]  # garbled: bytes in the middle altered


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "kind",
    ["empty", "short header", "truncated", "too long", "wrong magic", "no dimensions", "asks for all memory"],
)
def test_idx_damaged_inside(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write_folder(tmp_path, suffix) / f"{FILES[0]}{suffix}"
    unpacked = gzip.decompress(path.read_bytes()) if suffix else path.read_bytes()
    bad = damage(kind, unpacked)
    path.write_bytes(gzip.compress(bad) if suffix else bad)
    with pytest.raises(DamagedFile, match=re.escape(str(path))) as error:
        load_task("idx", str(tmp_path))
    one_line(error)


@pytest.mark.parametrize("kind", ["empty", "short header", "truncated", "garbled", "wrong magic"])
def test_idx_damaged_gzip(tmp_path: Path, kind: str) -> None:
    path = write_folder(tmp_path, ".gz") / f"{FILES[0]}.gz"
    path.write_bytes(damage(kind, path.read_bytes()))
    with pytest.raises(DamagedFile, match=re.escape(str(path))) as error:
        read_idx(path)
    one_line(error)


def test_idx_files_that_do_not_belong_together(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_idx(tmp_path / FILES[1], np.zeros(59, dtype=np.uint8))
    with pytest.raises(DamagedFile, match="expected 60 labels"):
        load_task("idx", str(tmp_path))
    write_folder(tmp_path)
    write_idx(tmp_path / FILES[2], np.zeros((20, 5, 5), dtype=np.uint8))
    with pytest.raises(DamagedFile, match=re.escape(FILES[2])):
        load_task("idx", str(tmp_path))


def test_names() -> None:
    assert {"digits", "idx", "mnist1d"} <= set(TASKS.names())
    with pytest.raises(UnknownName, match="Did you mean 'digits'"):
        load_task("digit")
    with pytest.raises(WeightloomError, match="task digits: expected no folder"):
        load_task("digits", "/tmp")


def test_mnist1d_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(WeightloomError, match="pip install") as error:
        load_task("mnist1d")
    one_line(error)
