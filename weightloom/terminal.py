"""What people see: progress and remarks on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, final

from search_spaces.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from workbench.summary import ExportRecord, Summary

SECONDS_BETWEEN_LINES = 10.0


class Display(Protocol):
    """What `sweeps.watching.Watcher` asks for."""

    def progress(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of ``stage`` are done."""
        ...

    def say(self, line: str) -> None:
        """One line worth keeping."""
        ...


@contextmanager
def watching() -> Iterator[Display]:
    """A progress bar if stderr is a terminal, else plain lines about every ten seconds."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        yield _Bar(progress)


@final
class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stage = ""
        self._task = progress.add_task("starting", total=None)

    def progress(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            self._progress.remove_task(self._task)
            self._task = self._progress.add_task(stage, total=total)
        self._progress.update(self._task, completed=done, total=total)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


@final
class _Lines:
    def __init__(self) -> None:
        self._stage = ""
        self._began = self._told = time.monotonic()

    def progress(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began = stage, now
        elif now - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = now
        spent = now - self._began
        known = 0 < done < total and spent > 1
        tail = f", about {spent * (total - done) / done:.0f} s left" if known else ""
        self.say(f"{stage}: {done:,} of {total:,}{tail}")

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def print_json(content: Any) -> None:
    """Exactly one JSON object on stdout."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_comparison(summaries: Sequence[Summary], *, same_protocol: bool = False) -> None:
    """The short table, fronts and sentences, on stdout; as wide as the terminal if there is one.

    Args:
        summaries: of the runs.
        same_protocol: they differ on purpose, so that nobody need be warned of it.
    """
    from rich.console import Console

    from workbench.comparison import difference_warnings, terminal_tables
    from workbench.sentences import verdict_sentences

    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in terminal_tables(summaries):
        console.print(table)
    for summary in summaries:
        if len(summaries) > 1:
            print(printable(f"{summary.name}:"))
        for sentence in verdict_sentences(summary):
            print(printable(f"- {sentence}"))
    for warning in () if same_protocol else difference_warnings(summaries):
        print(printable(f"Warning: {warning}"))


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Two aligned columns on stdout."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        print(printable(f"{name:<{width}}  {text}".rstrip()))


def export_words(record: ExportRecord) -> str:
    """An exported network's score and what compaction changed, for people."""
    from workbench.summary import shown

    words = [f"test score {record.score:.3f}"]
    if record.opset is not None:
        words.append(f"opset {record.opset}")
    if record.score_as_float is not None:
        words.append(f"{record.score_as_float:.3f} before weights became {record.weights_as}")
    if record.norm is not None:
        words.append(f"norms of weights up to {shown(record.norm)}")
    if record.lipschitz is not None:
        words.append(f"Lipschitz bound {shown(record.lipschitz)}")
    before, after = record.before, record.after
    if before is not None and after is not None and before.parameters != after.parameters:
        words += [
            f"{before.parameters:,} -> {after.parameters:,} parameters",
            f"{before.flops:,} -> {after.flops:,} FLOPs",
            f"{shown(before.ms_1)} -> {shown(after.ms_1)} ms",
            f"{shown(before.ms_64)} -> {shown(after.ms_64)} ms for 64 examples",
        ]
    return ", ".join(words)
