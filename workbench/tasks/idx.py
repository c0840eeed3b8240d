"""Any folder in the MNIST file format (LeCun et al. 1998): MNIST, Fashion-MNIST, KMNIST, …"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np

from search_spaces import DamagedFile, WeightloomError
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
            "/usr/share/dataset-fashion-mnist"
        )
    images, labels, test_images, test_labels = (read_idx(_find(Path(folder), name)) for name in FILES)
    return split_task("idx", images / 255.0, labels, test=(test_images / 255.0, test_labels))


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
    try:
        opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
        with opened as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
                raise DamagedFile(f"{path}: expected an IDX file of unsigned bytes, got a header {head!r}")
            shape = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
            count = math.prod(shape)
            data = file.read(count + 1)
    except (OSError, EOFError, struct.error) as error:
        raise DamagedFile(f"{path}: cannot be read as an IDX file ({error}); get a fresh copy") from None
    if len(data) != count:
        raise DamagedFile(f"{path}: its header says {count} bytes of data, got {len(data)}; get a fresh copy")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)
