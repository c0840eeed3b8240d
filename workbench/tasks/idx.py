"""Any folder in the MNIST file format (LeCun et al. 1998): MNIST, Fashion-MNIST, KMNIST and others."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from search_spaces import DamagedFile, WeightloomError
from search_spaces.files import read_unpacked
from workbench.tasks.task import Task, split_task

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(folder: str | None = None) -> Task:
    """A folder in MNIST's format (IDX files, gzipped or not): MNIST, Fashion-MNIST and the like.

    Args:
        folder: holds the four files of MNIST under their usual names.

    Raises:
        WeightloomError: no folder given or a file is missing; says how to get the data.
        DamagedFile: a file is not in the format or shorter than its header says.
    """
    if folder is None or not Path(folder).is_dir():
        raise WeightloomError(
            f"task idx: expected a folder with the four files of MNIST's format, got {folder!r}. "
            "Name one with --data FOLDER; Debian: apt install dataset-fashion-mnist puts one into "
            "/usr/share/datasets/fashion-mnist"
        )
    paths = [_find(Path(folder), name) for name in FILES]
    images, labels, test_images, test_labels = (read_idx(path) for path in paths)
    for path, examples, classes in ((paths[1], images, labels), (paths[3], test_images, test_labels)):
        if classes.ndim != 1 or len(classes) != len(examples):
            raise DamagedFile(
                f"{path}: expected {len(examples)} labels as there are images, got an array of shape "
                f"{classes.shape}; get the four files from one source"
            )
    if images.shape[1:] != test_images.shape[1:]:
        raise DamagedFile(
            f"{paths[2]}: expected images of shape {images.shape[1:]} as in {paths[0].name}, "
            f"got {test_images.shape[1:]}; get the four files from one source"
        )
    shape = (1, *images.shape[1:]) if images.ndim == 3 else None
    return split_task("idx", images / 255.0, labels, test=(test_images / 255.0, test_labels), shape=shape)


def _find(folder: Path, name: str) -> Path:
    for candidate in (name, f"{name}.gz", name.replace("-idx", ".idx"), f"{name.replace('-idx', '.idx')}.gz"):
        if (folder / candidate).exists():
            return folder / candidate
    raise WeightloomError(f"task idx: {folder} has no file {name} or {name}.gz; all of {', '.join(FILES)} are needed")


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in one IDX file.

    Raises:
        DamagedFile: naming the file and what is wrong.
    """
    data = read_unpacked(path, "IDX file", "get a fresh copy")
    head = data[:4]
    start = 4 + 4 * head[3] if len(head) == 4 else 4
    if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4 or len(data) < start:
        raise DamagedFile(f"{path}: expected an IDX file of unsigned bytes, got a header {data[:20]!r}")
    shape = struct.unpack_from(f">{head[3]}I", data, 4)
    count = math.prod(shape)
    if len(data) - start != count:  # counted, not asked for: a damaged header may say more than there is memory
        raise DamagedFile(f"{path}: its header says {count} bytes of data, got {len(data) - start}; get a fresh copy")
    if not count:
        raise DamagedFile(f"{path}: expected examples, got an array of shape {shape}; get a fresh copy")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)
