"""A table in memory: text columns as text, numbers as arrays, what is missing as NaN."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Float

from search_spaces.errors import DamagedFile, UnknownName
from search_spaces.tables.catalogue import TABLES

SENTINELS = (-1.0, -1e8)
"""Numbers that stand for a missing measurement in the tables; no column has them as a real value."""
MOST_COLUMNS = 1000
"""Each becomes an array of its own, which takes far more than the comma that it may be in a file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The rows of one table, column by column.

    Attributes:
        name: of the table.
        words: text columns.
        numbers: numeric columns; NaN = missing.
    """

    name: str
    words: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, Float[np.ndarray, " rows"]]

    def __len__(self) -> int:
        return next(len(column) for columns in (self.words, self.numbers) for column in columns.values())

    def column(self, name: str) -> Float[np.ndarray, " rows"]:
        """A numeric column; raises ``UnknownName`` with those there are."""
        if name not in self.numbers:
            raise UnknownName(f"column of table {self.name}", name, self.numbers)
        return self.numbers[name]


@cache
def load_table(name: str) -> Table:
    """A shipped table; read once per process.

    Raises:
        UnknownName: no such table.
        DamagedFile: the file is missing, its checksum differs, or it has not the stated number of rows.
    """
    if name not in TABLES:
        raise UnknownName("table", name, TABLES)
    info = TABLES[name]
    file = resources.files("search_spaces.tables").joinpath(info.file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DamagedFile(f"table {name}: {file} cannot be read ({error.strerror}); install weightloom anew") from None
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != info.md5:
        raise DamagedFile(
            f"table {name}: {file} is damaged: expected md5 {info.md5}, got {found}; install weightloom anew"
        )
    table = parse(name, gzip.decompress(data).decode("utf-8"), words=info.words)
    if len(table) != info.rows:
        raise DamagedFile(f"table {name}: {file}: expected {info.rows} rows, got {len(table)}; install weightloom anew")
    return table


def parse(name: str, text: str, *, words: Collection[str]) -> Table:
    """A table from CSV with a header.

    Args:
        name: of the table, for messages.
        text: the whole file.
        words: columns that are kept as text, leading zeros and all.

    Raises:
        DamagedFile: no rows, a row of another length, or a number that is none; the line is named.
    """
    reader = csv.reader(io.StringIO(text))
    rows = []
    try:
        header = next(reader, [])
        if len(header) > MOST_COLUMNS:
            raise DamagedFile(f"{name}: expected at most {MOST_COLUMNS} columns, got {len(header)}; leave some out")
        for row in reader:
            if len(row) != len(header):
                raise DamagedFile(
                    f"{name}: line {reader.line_num} has {len(row)} values, the header {len(header)}; restore the file"
                )
            rows.append(row)
    except csv.Error as error:  # a field of more than 131,072 characters, a zero byte
        raise DamagedFile(f"{name}: line {reader.line_num}: {error}; restore the file") from None
    if not rows or len(set(header)) != len(header):
        raise DamagedFile(f"{name}: expected a header of differing names and at least one row; restore the file")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Table(
        name=name,
        words={key: values for key, values in columns.items() if key in words},
        numbers={key: _numbers(name, key, values) for key, values in columns.items() if key not in words},
    )


def _numbers(table: str, column: str, values: Sequence[str]) -> Float[np.ndarray, " rows"]:
    try:
        found = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        line = next(i for i, value in enumerate(values) if value and not _is_number(value))
        raise DamagedFile(
            f"{table}: line {line + 2}, column {column!r}: expected a number, got {values[line]!r}; restore the file"
        ) from None
    found[np.isin(found, SENTINELS) | ~np.isfinite(found)] = np.nan
    found.setflags(write=False)
    return found


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
