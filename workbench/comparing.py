"""Several runs side by side, for notebooks: what ``weightloom compare`` prints."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from workbench.comparison import Row, difference_warnings, rows, rows_as_csv, terminal_tables
from workbench.judging import Judged
from workbench.sentences import verdict_sentences
from workbench.summary import Summary

WIDTH = 160


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side; printed, and shown by a notebook, as a table with sentences and warnings.

    Attributes:
        summaries: of the runs, in their order.
    """

    summaries: tuple[Summary, ...]

    @property
    def rows(self) -> list[Row]:
        """Every metric of every generator of every run, for example for ``pandas.DataFrame(comparison.rows)``."""
        return rows(self.summaries)

    @property
    def sentences(self) -> list[str]:
        """Which generator to choose and why, and what it fails at; in the order of the runs."""
        return [sentence for summary in self.summaries for sentence in verdict_sentences(summary)]

    @property
    def warnings(self) -> list[str]:
        """Why the runs may not be comparable."""
        return difference_warnings(self.summaries)

    def to_csv(self) -> str:
        """The rows as CSV with a header line."""
        return rows_as_csv(self.summaries)

    def __str__(self) -> str:
        stream = io.StringIO()
        console = Console(file=stream, width=WIDTH)
        for table in terminal_tables(self.summaries):
            console.print(table)
        said = [f"- {sentence}" for sentence in self.sentences] + [f"Warning: {text}" for text in self.warnings]
        return "\n".join([stream.getvalue().rstrip(), *said])

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{html.escape(str(self))}</pre>'


def compare(run: Judged | Summary | str | Path, /, *runs: Judged | Summary | str | Path) -> Comparison:
    """Compare the generators of one or several runs.

    Args:
        run: what an experiment or a sweep gave, or the folder of a run.
        runs: more of them.

    Raises:
        WeightloomError: a folder holds no run.
    """
    return Comparison(summaries=tuple(_summary(one) for one in (run, *runs)))


def _summary(run: Judged | Summary | str | Path) -> Summary:
    if isinstance(run, Judged):
        return run.summary
    return run if isinstance(run, Summary) else Summary.read(run)
