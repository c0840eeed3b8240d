"""A file or folder of the user's own: NumPy arrays, a table, or pictures in one folder a class."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from search_spaces import DamagedFile, WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import check_archive, most_unpacked, read_bytes, read_unpacked
from workbench.tasks.arrays import from_arrays
from workbench.tasks.task import Task

KEYS = (
    ("x", "y", "x_test", "y_test"),
    ("x_train", "y_train", "x_test", "y_test"),  # Keras
    ("train_images", "train_labels", "test_images", "test_labels"),  # MedMNIST
    ("image", "label", "test_image", "test_label"),  # the columns of datasets
)
"""Names of arrays in a NumPy file: examples, classes, and those of a test set, which may be left out."""
LABELS = ("label", "class", "target", "y")
"""Names of the column of classes, whatever their case; else the last one holds them."""
BETWEEN = (";", "\t", ",")
"""What may stand between the cells of a table: which of them the first line has most of, commas last for decimals."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
"""What is looked for in them, whatever their names; others may start a program, as PostScript does."""
GREY = ("L", "I;16", "I", "F")
"""Modes of pillow that hold one number a pixel, of 8, 16 or 32 bits; it would cut them off at 255 on the way to RGB."""
Arrays = tuple[np.ndarray, np.ndarray]


def file(folder: str | None = None) -> Task:
    """Your own data: a NumPy file (.npz), a table (.csv), or a folder of pictures with one folder a class.

    Args:
        folder: path of the file or folder. ``FILE.npz`` holds arrays under one of the sets of names in ``KEYS``;
            ``FILE.csv`` (or .csv.gz) a row an example, numbers and a column of classes, with commas, semicolons or tabs
            between; a folder
            ``FOLDER/CLASS/picture.png``, or ``FOLDER/train/CLASS/…`` and ``FOLDER/test/CLASS/…``.

    Raises:
        WeightloomError: none of these; says what is expected.
        DamagedFile: it cannot be read as what its name says.
    """
    path = Path(folder) if folder is not None else None
    if path is None or not path.exists():
        raise WeightloomError(
            "task file: expected a .npz or .csv file or a folder of pictures, got "
            f"{'none' if path is None else f'{folder!r}, which is not there'}; name it with --data PATH"
        )
    if path.is_dir():
        return _of_pictures(path)
    if path.suffix.lower() == ".npz":
        return _of_numpy(path)
    if path.name.lower().endswith((".csv", ".csv.gz")):
        x, y = _table(path)
        return from_arrays("file", x, y)
    raise WeightloomError(
        f"task file: expected a .npz or .csv file or a folder of pictures, got {path.name!r}; convert it, "
        "for example with numpy.savez(FILE, x=examples, y=classes)"
    )


def _of_numpy(path: Path) -> Task:
    try:
        data = read_bytes(path, "NumPy file")
        with np.lib.npyio.NpzFile(io.BytesIO(data), allow_pickle=False) as opened:  # what is pickled may run anything
            assert opened.zip is not None
            check_archive(opened.zip, len(data))
            arrays = {name: opened[name] for name in opened.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedFile(
            f"{path}: expected NumPy arrays of numbers or words, got {error}; save them again with numpy.savez"
        ) from None
    for x, y, test_x, test_y in KEYS:
        if x in arrays and y in arrays:
            test = (arrays[test_x], arrays[test_y]) if test_x in arrays and test_y in arrays else None
            return from_arrays("file", arrays[x], arrays[y], test=test)
    raise WeightloomError(
        f"{path}: expected arrays called {' or '.join(f'{x} and {y}' for x, y, *_ in KEYS)}, got {sorted(arrays)}"
    )


def _table(path: Path) -> Arrays:
    rows = list(_rows(path))
    if len(rows) < 2 or len(rows[0]) < 2:
        raise WeightloomError(
            f"{path}: expected two rows or more, each of numbers and a class with commas, semicolons or tabs between, "
            f"got {len(rows)} of {len(rows[0]) if rows else 0} columns"
        )
    head, first = [cell.strip() for cell in rows[0]], 0
    named = [place for place, cell in enumerate(head) if cell.lower() in LABELS]
    label = named[0] if named else len(head) - 1
    if not all(_is_number(cell) for place, cell in enumerate(head) if place != label):
        first = 1
    values = []
    for line, row in enumerate(rows[first:], first + 1):
        cells = [cell for place, cell in enumerate(row) if place != label]
        if len(row) != len(head) or not all(map(_is_number, cells)):
            wrong = f"{len(row)} columns"
            if len(row) == len(head):
                place = next(i for i, cell in enumerate(row) if i != label and not _is_number(cell))
                wrong = f"{row[place]!r} in column {head[place] if first else place + 1}"
            raise WeightloomError(
                f"{path}: row {line}: expected {len(head) - 1} numbers and a class, got {wrong}; "
                "leave out such rows or columns, or turn words into numbers"
            )
        values.append([float(cell) for cell in cells])
    return np.array(values, dtype=np.float32), np.array([row[label].strip() for row in rows[first:]])


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        text = read_unpacked(path, "table").decode("utf-8-sig")
        first = text.lstrip().split("\n", 1)[0]
        between = max(BETWEEN, key=first.count)
        yield from (row for row in csv.reader(io.StringIO(text), delimiter=between) if row)
    except (WeightloomError, UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(f"{path}: cannot be read as CSV in UTF-8 ({error}); get a fresh copy") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _of_pictures(folder: Path) -> Task:
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        x, y = _pictures(folder / "train")
        return from_arrays("file", x, y, test=_pictures(folder / "test"))
    return from_arrays("file", *_pictures(folder))


def _pictures(folder: Path) -> Arrays:
    found = [
        (path, home.name)
        for home in sorted(folder.iterdir())
        if home.is_dir() and not home.name.startswith(".")
        for path in sorted(home.iterdir())
        if path.suffix.lower() in PICTURES
    ]
    if not found:
        hint = "; these look like MNIST's files: take --task idx" if list(folder.glob("*idx?-ubyte*")) else ""
        raise WeightloomError(f"{folder}: expected pictures as CLASS/picture.png, one folder a class, got none{hint}")
    arrays: list[np.ndarray] = []
    kinds: dict[tuple[object, ...], Path] = {}
    for path, _ in found:
        arrays.append(_picture(path))
        kinds.setdefault((*arrays[-1].shape, arrays[-1].dtype.name), path)
    if len(kinds) > 1:
        (one, a), (other, b) = list(kinds.items())[:2]
        raise WeightloomError(
            f"task file: expected pictures of one size, all grey or all in colour, got {one} in {a} and "
            f"{other} in {b}; convert them first"
        )
    return np.stack(arrays), np.array([label for _, label in found])


def _picture(path: Path) -> np.ndarray:
    """Grey ``[height, width]`` as deep as the file has it, or RGB ``[height, width, 3]`` of 8 bits."""
    try:
        from PIL import Image
    except ImportError:
        raise WeightloomError(
            "task file: the package pillow, which reads pictures, is missing; install it with: "
            "pip install 'weightloom[pictures]'"
        ) from None
    data = read_bytes(path, "picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the size that is checked here
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if (size := picture.width * picture.height * len(picture.getbands())) > most_unpacked(len(data)):
                    raise ValueError(f"{size} values packed into {len(data)} bytes")
                return np.asarray(picture if picture.mode in GREY else picture.convert("RGB"))
    except Exception as error:  # each format has errors of its own
        raise DamagedFile(
            f"{path}: cannot be read as a picture ({in_one_line(error, 200)}); remove it or get a fresh copy"
        ) from None
