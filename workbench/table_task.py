"""A task whose answers stand in a table: the score of an architecture in microseconds. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from search_spaces import SPACES, Architecture, Choice, Product, SearchSpace, UnknownName, WeightloomError
from search_spaces.architecture import Value
from search_spaces.tables import TABLES, Table, TableInfo, load_table, read_nasbench201


@final
class TableTask:
    """Scores of one space's architectures, looked up by genome.

    Args:
        table: with a text column of digits, one a gene, that number the options of the space's choices.
        space: whose architectures the rows are; a product of choices.
        digits: name of that column.
        query: the column that answers ``score``.
        final: the column that answers ``final_score``.

    Raises:
        UnknownName: no such column.
        WeightloomError: the digits are none of the space's genomes, or a column has missing values.
    """

    def __init__(self, table: Table, space: SearchSpace, *, digits: str, query: str, final: str) -> None:
        self.name = table.name
        self.space = space
        self.query = query
        self.final = final
        if digits not in table.words:
            raise UnknownName(f"text column of table {table.name}", digits, table.words)
        scores, finals = _whole(table, query), _whole(table, final)
        options = _options(table.name, space)
        self._scores: dict[tuple[tuple[str, Value], ...], tuple[float, float]] = {}
        for word, score, last in zip(table.words[digits], scores.tolist(), finals.tolist(), strict=True):
            self._scores[_genome(table.name, word, options)] = (score, last)
        self.best_score: float | None = float(scores.max())
        self.best_final_score: float | None = float(finals.max())

    def __len__(self) -> int:
        return len(self._scores)

    def score(self, architecture: Architecture) -> float:
        """What a query about ``architecture`` answers; raises ``WeightloomError`` if the table has no such row."""
        return self._row(architecture)[0]

    def final_score(self, architecture: Architecture) -> float:
        """What ``architecture`` is judged by when it is picked; raises like ``score``."""
        return self._row(architecture)[1]

    def _row(self, architecture: Architecture) -> tuple[float, float]:
        try:
            return self._scores[architecture.genome]
        except KeyError:
            raise WeightloomError(
                f"table {self.name}: expected an architecture of space {self.space.name} among its "
                f"{len(self._scores)} rows, got {dict(architecture.genome)} of space {architecture.space!r}; "
                "take a table that has it"
            ) from None


@dataclass(frozen=True, kw_only=True)
class TableProblem:
    """Which table, space and columns; opened anew in every process of a search.

    Attributes:
        table: a name of ``weightloom list tables``, or the path of a CSV file with NAS-Bench-201 cells.
        space: registered name; must be the space of the table.
        query: column that answers a query; empty = the table's own choice.
        final: column that scores the pick; empty = the table's own choice, or ``query`` for a file.
    """

    table: str
    space: str
    query: str = ""
    final: str = ""

    def open(self) -> tuple[SearchSpace, TableTask]:
        """The space and its task.

        Raises:
            UnknownName: no such table, space or column.
            WeightloomError: the table is not searchable, or not with this space.
        """
        info, table = self._table()
        if not info.space:
            able = ", ".join(name for name, other in TABLES.items() if other.space)
            raise WeightloomError(
                f"table {self.table}: expected a table of a search space's architectures, got one to be "
                f"correlated with; searchable are {able}"
            )
        if self.space not in SPACES.names():
            raise UnknownName("space", self.space, SPACES.names())
        if self.space != info.space:
            raise WeightloomError(
                f"table {self.table}: expected space {info.space}, whose architectures it holds, got {self.space}; "
                f"search {info.space}"
            )
        space: SearchSpace = SPACES.load(info.space)(inputs=3 * 32 * 32, outputs=10, shape=(3, 32, 32))
        query = self.query or info.query
        final = self.final or info.final
        return space, TableTask(table, space, digits=info.digits, query=query, final=final)

    def _table(self) -> tuple[TableInfo, Table]:
        if Path(self.table).suffix not in (".csv", ".gz"):
            table = load_table(self.table)
            return TABLES[self.table], table
        table = read_nasbench201(self.table)
        query = self.query or next((name for name in table.numbers if name != "index"), "")
        about = TableInfo(
            file=self.table,
            md5="",
            rows=len(table),
            words=("arch_str", "ops"),
            about="a user's own table",
            licence="",
            space="cell",
            digits="ops",
            query=query,
            final=query,
        )
        return about, table


def _whole(table: Table, column: str) -> np.ndarray:
    values = table.column(column)
    missing = int(np.isnan(values).sum())
    if missing:
        raise WeightloomError(
            f"table {table.name}: column {column} lacks {missing} of {len(values)} values, so that some queries had "
            "no answer; take a column without gaps"
        )
    return values


def _options(name: str, space: SearchSpace) -> tuple[Choice, ...]:
    tree = space.tree
    children = tree.children if isinstance(tree, Product) else ()
    found = tuple(child for child in children if isinstance(child, Choice))
    if not found or len(found) != len(children):
        raise WeightloomError(
            f"table {name}: expected a space whose tree is a product of plain choices, one a digit, "
            f"got space {space.name}; take the table's own space"
        )
    return found


def _genome(name: str, word: str, options: tuple[Choice, ...]) -> tuple[tuple[str, Value], ...]:
    if len(word) != len(options) or not all(
        digit.isdecimal() and int(digit) < len(choice.options) for digit, choice in zip(word, options, strict=False)
    ):
        raise WeightloomError(
            f"table {name}: expected {len(options)} digits, each the number of an option, got {word!r}; "
            "take the table's own space"
        )
    return tuple(sorted((choice.name, choice.options[int(digit)]) for digit, choice in zip(word, options, strict=True)))
