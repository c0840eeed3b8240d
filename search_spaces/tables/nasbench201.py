"""NAS-Bench-201's two spellings of a cell, and a reader for a user's own table of its cells."""

from __future__ import annotations

import re
from pathlib import Path

from search_spaces.cell import CELL_OPERATIONS, read_arch_string, write_arch_string
from search_spaces.errors import DamagedFile, WeightloomError
from search_spaces.files import read_unpacked
from search_spaces.tables.table import Table, parse


def read_nasbench201(path: str | Path) -> Table:
    """A user's own table of NAS-Bench-201 cells: CSV, or gzip CSV, with a header.

    It needs the column ``arch_str`` (``|nor_conv_3x3~0|+|none~0|…|``) or ``ops`` (six digits, edges 0→1, 0→2,
    1→2, 0→3, 1→3, 2→3 in the order of the arch string); where only one is there the other is added. All other
    columns are numbers; empty, −1 and −1e8 mean missing. No row may come twice.

    Raises:
        WeightloomError: no such file, or a form that is not read here (NATS-Bench folders, ``.pth``, ``.pkl``,
            ``.json``), with the way to convert it.
        DamagedFile: the line and what is wrong with it.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".gz"):
        raise WeightloomError(
            f"{path}: expected a table as .csv or .csv.gz, got {path.suffix or 'a folder or a file without suffix'}; "
            "pickled and .pth benchmarks run code when opened and are not read: with their own package installed, "
            "write one row per architecture with the columns arch_str and one per accuracy (`api.arch(i)` and "
            "`api.get_more_info(i, 'cifar10', hp='200')['test-accuracy']` of nats_bench, csv.writer)"
        )
    data = read_unpacked(path, "CSV table")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFile(f"{path}: expected {path.suffix} in UTF-8, got damage ({error}); restore the file") from None
    table = parse(str(path), text, words=("arch_str", "ops"))
    words = dict(table.words)
    if not words:
        raise DamagedFile(f"{path}: expected a column arch_str or ops, got {', '.join(table.numbers)}; rename it")
    if "arch_str" in words:
        spelt = tuple(_digits(path, line, value) for line, value in enumerate(words["arch_str"], start=2))
        if spelt != words.setdefault("ops", spelt):
            line = next(i for i, (a, b) in enumerate(zip(spelt, words["ops"], strict=True), start=2) if a != b)
            raise DamagedFile(
                f"{path}: line {line}: arch_str says {spelt[line - 2]} and ops {words['ops'][line - 2]}; "
                "mend one of them"
            )
    for line, digits in enumerate(words["ops"], start=2):
        if not re.fullmatch("[0-4]{6}", digits):
            raise DamagedFile(f"{path}: line {line}: expected six digits 0 to 4 in ops, got {digits!r}; mend the line")
    first: dict[str, int] = {}
    for line, digits in enumerate(words["ops"], start=2):
        if first.setdefault(digits, line) != line:
            raise DamagedFile(f"{path}: lines {first[digits]} and {line} are the same cell {digits}; remove one")
    words.setdefault("arch_str", tuple(arch_string(digits) for digits in words["ops"]))
    return Table(name=str(path), words=words, numbers=table.numbers)


def arch_string(digits: str) -> str:
    """The arch string of six digits."""
    return write_arch_string([CELL_OPERATIONS[int(digit)] for digit in digits])


def _digits(path: Path, line: int, text: str) -> str:
    try:
        operations = read_arch_string(text)
    except WeightloomError as error:
        raise DamagedFile(f"{path}: line {line}: {error}; mend the line") from None
    return "".join(str(CELL_OPERATIONS.index(operation)) for operation in operations)
