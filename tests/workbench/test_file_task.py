"""Data of a user's own: the same examples come out of every kind of file, and mistakes are said."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from search_spaces import DamagedFile, WeightloomError
from workbench.tasks import Task, from_arrays, from_columns, load_task, split_task

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 3, 4), dtype=np.uint8)
WORDS = np.array(["boot", "bag", "coat", "bag"])[np.arange(40) % 4]
Y = np.array([1, 0, 2, 0])[np.arange(40) % 4]  # the words in sorted order
EXPECTED = split_task("file", X, Y, shape=(1, 3, 4)).digest()
TABLE = split_task("file", X, Y, each=True).digest()


def load(path: Path) -> Task:
    return load_task("file", str(path))


def test_numpy_and_table_hold_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=WORDS)
    task = load(tmp_path / "a.npz")
    assert (task.digest(), task.shape, task.classes) == (EXPECTED, (1, 3, 4), 3)
    rows = [[*map(str, row), word] for row, word in zip(X.reshape(40, -1), WORDS, strict=True)]
    lines = [",".join(row) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    assert load(tmp_path / "a.csv").digest() == TABLE
    np.savez(tmp_path / "flat.NPZ", x=X.reshape(40, -1), y=WORDS)
    (tmp_path / "flat.NPZ.npz").rename(tmp_path / "flat.NPZ")
    assert load(tmp_path / "flat.NPZ").digest() == TABLE
    head = ["Label", *(f"value_{i}" for i in range(12))]
    lines = [",".join(row) for row in [head, *([row[-1], *row[:-1]] for row in rows)]]
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress("\r\n".join(lines).encode("utf-8-sig")))
    assert load(tmp_path / "b.csv.gz").digest() == TABLE
    assert load(tmp_path / "b.csv.gz").shape == (12,)
    for between in ";\t":
        (tmp_path / "c.csv").write_text("\n".join(lines).replace(",", between))
        assert load(tmp_path / "c.csv").digest() == TABLE


def test_columns_of_a_table_have_units_of_their_own() -> None:
    x = RNG.normal(size=(60, 4)).astype(np.float32)
    x[:, 3] = 0.1
    y = np.arange(60) % 2
    task = from_arrays("mine", x, y)
    other = from_arrays("mine", x * np.array([1000, 1, 0.001, 1], dtype=np.float32) + 7, y)
    assert np.allclose(task.test.x, other.test.x, atol=0.03)
    assert np.allclose(task.train.x.std(0)[:3], 1, atol=0.02)
    assert task.train.x[:, 3].abs().max() < 1e-6
    own = from_arrays("mine", x, y, test=(x, y))  # what a user does with rows of his own before an exported network
    assert np.array_equal((x - own.centre) / own.spread, own.test.x)
    pictures = from_arrays("mine", x.reshape(60, 2, 2), y)
    assert pictures.train.x.std(0)[0] > 2 * pictures.train.x.std(0)[3]


def test_test_sets_of_their_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=X[:30], y_train=WORDS[:30], x_test=X[30:], y_test=WORDS[30:])
    task = load(tmp_path / "a.npz")
    assert len(task.test) == 10
    assert task.test.y.tolist() == Y[30:].tolist()
    np.savez(tmp_path / "b.npz", x_train=X, y_train=WORDS, x_test=X, y_test=np.full(40, "hat"))
    with pytest.raises(WeightloomError, match=r"expected test classes that training has .*hat"):
        load(tmp_path / "b.npz")


def test_pictures(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for i, (picture, word) in enumerate(zip(X, WORDS, strict=True)):
        home = tmp_path / "grey" / word
        home.mkdir(parents=True, exist_ok=True)
        image.fromarray(picture).save(home / f"{i:02}.png")
    order = np.argsort(WORDS, kind="stable")  # class by class, and by name within
    assert load(tmp_path / "grey").digest() == split_task("file", X[order], Y[order]).digest()
    colour = RNG.integers(0, 256, (12, 3, 4, 3), dtype=np.uint8)
    for split, part in (("train", colour[:8]), ("test", colour[8:])):
        for i, picture in enumerate(np.concatenate([part, part])):
            home = tmp_path / "colour" / split / f"class {i % 2}"
            home.mkdir(parents=True, exist_ok=True)
            image.fromarray(picture).save(home / f"{i:02}.png")
    task = load(tmp_path / "colour")
    assert (task.shape, len(task.test), task.classes) == ((3, 3, 4), 8, 2)
    image.fromarray(X[0][:2]).save(tmp_path / "grey" / "boot" / "smaller.png")
    with pytest.raises(WeightloomError, match="pictures of one size"):
        load(tmp_path / "grey")
    (tmp_path / "grey" / "boot" / "smaller.png").write_bytes(b"no picture")
    with pytest.raises(DamagedFile, match=r"smaller\.png"):
        load(tmp_path / "grey")


def test_pictures_keep_their_depth_and_are_what_they_seem(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    deep = (X.astype(np.uint16) << 8) + 7
    for i, (picture, word) in enumerate(zip(deep, WORDS, strict=True)):
        home = tmp_path / word
        home.mkdir(exist_ok=True)
        image.fromarray(picture).save(home / f"{i:02}.png")
    order = np.argsort(WORDS, kind="stable")
    task = load(tmp_path)
    assert task.digest() == split_task("file", deep[order], Y[order]).digest()
    one = tmp_path / "boot" / "00.png"
    image.fromarray(X[0]).save(one)  # of 8 bits among those of 16
    with pytest.raises(WeightloomError, match=r"all grey or all in colour, got .*uint"):
        load(tmp_path)
    image.fromarray(np.zeros((9000, 9000), dtype=np.uint8)).save(one, optimize=True)
    with pytest.raises(DamagedFile, match="81000000 values packed into"):
        load(tmp_path)
    image.new("RGB", (4, 3)).save(tmp_path / "drawing.eps")
    (tmp_path / "drawing.eps").rename(one)  # pillow would start Ghostscript to draw it
    with pytest.raises(DamagedFile, match=r"00\.png: cannot be read as a picture"):
        load(tmp_path)
    one.unlink()
    os.mkfifo(one)
    with pytest.raises(WeightloomError, match="a pipe or a device"):
        load(tmp_path)


def test_channels_come_first() -> None:
    last = RNG.normal(size=(20, 5, 6, 3))
    first = np.moveaxis(last, 3, 1)
    y = np.arange(20) % 2
    made = from_arrays("mine", last, y)
    assert made.shape == (3, 5, 6)
    assert made.digest() == from_arrays("mine", first, y).digest() == split_task("mine", first, y).digest()
    assert from_arrays("mine", last.reshape(20, -1), y, shape=(5, 18)).shape == (5, 18)
    with pytest.raises(WeightloomError, match=r"got an array of shape \(20, 5, 4, 7\)"):
        from_arrays("mine", RNG.normal(size=(20, 5, 4, 7)), y)


def test_columns_as_datasets_have_them() -> None:
    columns = {"image": list(X), "label": Y.tolist(), "a": X[:, 0, 0], "b": X[:, 1, 1]}
    assert from_columns("file", columns).digest() == EXPECTED
    assert len(from_columns("file", columns, columns).test) == 40
    pair = from_columns("file", columns, x=("a", "b"), y="label")
    assert pair.digest() == split_task("file", np.stack([X[:, 0, 0], X[:, 1, 1]], 1), Y, each=True).digest()
    with pytest.raises(WeightloomError, match=r"expected a column 'img', got \['image', 'label', 'a', 'b'\]"):
        from_columns("file", columns, x="img")


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.linspace(0, 1, 40), "several examples each, got numbers such as 0.025"),
        (np.where(np.arange(40) % 2, np.nan, 1.0), "got numbers such as nan"),
        (np.eye(4)[np.arange(40) % 4], r"take argmax\(axis=1\)"),
        (np.arange(40), "got 40 of them for 40 examples"),
    ],
)
def test_what_is_no_class(y: np.ndarray, said: str) -> None:
    with pytest.raises(WeightloomError, match=said):
        from_arrays("mine", X, y)
    assert from_arrays("mine", X, Y.astype(float)).digest() == from_arrays("mine", X, Y).digest()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npz", b"no zip", "a.npz: expected NumPy arrays"),
        ("a.csv", b"1,2,x\n3,,y\n", "row 2: expected 2 numbers and a class, got '' in column 2"),
        ("a.csv", b"a,b,c\n1,2,x\n3,no,y\n", "row 3: expected 2 numbers and a class, got 'no' in column b"),
        ("a.csv", b"a;b;c\n1,5;2;x\n3;no;y\n", "row 2: expected 2 numbers and a class, got '1,5' in column a"),
        ("a.csv", b"1,2,x\n3,4,5,y\n", "row 2: expected 2 numbers and a class, got 4 columns"),
        ("a.csv", b"only one row\n", "two rows or more, .*got 1 of 1 columns"),
        ("a.csv", b"1,2,x\n" * 12, "several examples each, got only 'x'"),
        ("a.csv", "\n".join(f"{i},2,{i / 7}" for i in range(12)).encode(), "got 12 of them for 12 examples"),
        ("a.csv.gz", b"no gzip", "cannot be read as CSV"),
        ("a.txt", b"", "got 'a.txt'; convert it"),
        ("folder/train-images-idx3-ubyte", b"", "take --task idx"),
        ("folder/notes.txt", b"", "got none"),
    ],
)
def test_mistakes(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(WeightloomError, match=said):
        load(path.parent if path.parent != tmp_path else path)


def test_packed_files_are_not_unpacked_without_end(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((3000, 1000)), y=np.zeros(3000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2,0\n" * 4_000_000))
    for name in ("a.npz", "a.csv.gz"):
        assert (tmp_path / name).stat().st_size < 200_000
        with pytest.raises(DamagedFile, match="at most 16777216"):
            load(tmp_path / name)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([object()]), y=np.array([0]))
    with pytest.raises(DamagedFile, match="Object arrays cannot be loaded"):
        load(tmp_path / "a.npz")
    with pytest.raises(WeightloomError, match="name it with --data PATH"):
        load_task("file")
