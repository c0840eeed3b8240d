"""What a tracker is, the one that keeps nothing, and which to take."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, final

from search_spaces import UnknownName
from workbench.search_summary import SearchSummary
from workbench.summary import GeneratorSummary, Summary

KINDS = ("wandb", "none")


class TrackedRun(ABC):
    """One trial while it runs."""

    @abstractmethod
    def curve(self, points: Sequence[tuple[str, int, float]]) -> None:
        """Add points of learning curves: (phase of training, optimiser step, loss)."""

    @abstractmethod
    def summary(self, summary: GeneratorSummary) -> None:
        """Record what was measured: each figure, a table of test architectures, plots."""

    @abstractmethod
    def stopped(self, state: Literal["failed", "pruned"], reason: str) -> None:
        """Say that the trial ended early, and why."""


class Tracker(ABC):
    """Keeps one run a trial.

    Not safe for several threads; each process has a tracker of its own.
    """

    @abstractmethod
    def trial(
        self, name: str, family: str, config: Mapping[str, Any], tags: Sequence[str] = ()
    ) -> AbstractContextManager[TrackedRun]:
        """A run that is open inside the ``with`` block and always finished after it.

        An exception that leaves the block marks the run as failed with the exception as reason, and goes on.

        Args:
            name: of the run, such as ``trial-7``.
            family: of the generator.
            config: plain settings.
            tags: few and short, to filter by.
        """

    @abstractmethod
    def comparison(self, summary: Summary, folder: Path) -> None:
        """Record the whole run: tables, charts, generators and exported networks.

        Args:
            summary: of the run.
            folder: of the run.
        """

    @abstractmethod
    def searched(self, summary: SearchSummary) -> None:
        """Record a comparison of search methods: regret curves, picks, figures."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """Mark the open trial as failed; without one, record a trial that failed before it could start."""


@final
class NullTracker(Tracker):
    """Keeps nothing."""

    @contextlib.contextmanager
    def trial(
        self, name: str, family: str, config: Mapping[str, Any], tags: Sequence[str] = ()
    ) -> Iterator[TrackedRun]:
        """A run that keeps nothing."""
        yield _NullRun()

    def comparison(self, summary: Summary, folder: Path) -> None:
        """Nothing."""

    def searched(self, summary: SearchSummary) -> None:
        """Nothing."""

    def failed(self, reason: str) -> None:
        """Nothing."""


@final
class _NullRun(TrackedRun):
    def curve(self, points: Sequence[tuple[str, int, float]]) -> None:
        pass

    def summary(self, summary: GeneratorSummary) -> None:
        pass

    def stopped(self, state: Literal["failed", "pruned"], reason: str) -> None:
        pass


def tracker_for(kind: str, folder: str | Path, group: str, online: bool = False) -> Tracker:
    """The tracker called ``wandb`` or ``none``.

    Args:
        kind: its name.
        folder: of the run; W&B writes below ``FOLDER/wandb`` only.
        group: the sweep's name.
        online: send to the W&B server; needs a key and a network. Offline needs neither, whatever the
            environment says.

    Raises:
        UnknownName: for another ``kind``.
        WeightloomError: the folder cannot be written.
    """
    if kind not in KINDS:
        raise UnknownName("tracker", kind, KINDS)
    if kind == "none":
        return NullTracker()
    from workbench.tracking.wandb_tracker import WandbTracker

    return WandbTracker(folder, group, online=online)
