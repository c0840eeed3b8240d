"""The protocol as one command: every generator on zoos of every kind, several times, beside all baselines."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import Field, ValidationError

from generators.generator import Generator
from generators.registry import GENERATORS
from search_spaces import RunFailed, WeightloomError
from search_spaces.files import write_json, write_text
from sweeps.conclusion import Parts, again, budget_of, finished_rows, head_of
from sweeps.config import BenchConfig, explain
from sweeps.engines import TeamPlan
from sweeps.folder import RunFolder, begun
from sweeps.proposal import first_proposal
from sweeps.study import engine_of, open_laboratory
from sweeps.watching import Silent, Watcher
from workbench.comparison import rows_as_csv
from workbench.execution import side_by_side
from workbench.experiment import run_baseline, run_family, run_real
from workbench.laboratory import Laboratory
from workbench.pooling import pooled_brief, pooled_frontiers, pooled_generators
from workbench.records import read_record
from workbench.report import write_bench_page, write_report
from workbench.summary import BriefPoint, FrontierPoint, GeneratorSummary, Record, Scalar, Summary
from workbench.zoo import Kind, ZooConfig

REAL = "real"
REMEDY = "remove it, and --resume makes it anew"
Made = tuple[GeneratorSummary, Generator | None]


class Cell(Record):
    """One generator on one zoo: its figures, and the wall time that making and measuring it took.

    ``finished``: the rows of the same generator with some steps of real training, by name.
    """

    generator: GeneratorSummary
    finished: dict[str, GeneratorSummary] = Field(default={})
    seconds: float


class ZooCell(Record):
    """What holds for all generators of one zoo."""

    zoo: dict[str, Scalar]
    frontier: list[FrontierPoint]
    brief: list[BriefPoint]
    seconds: float


def run_bench(
    config: BenchConfig,
    runs: Path,
    *,
    resume: bool,
    overwrite: bool,
    watcher: Watcher,
    command: str | None = None,
    team: TeamPlan | None = None,
) -> dict[Kind, Summary]:
    """Train and measure everything that is not in the run's folder yet; write tables and pages.

    Every family is trained as its plan's ``first`` trial says; nothing is selected, so nothing can be selected by luck.
    Repeat i has the zoo and training seeds of the configuration plus i, hence architectures, networks and generators of
    its own. A generator that fails is named in the summary and tried again by ``resume``.

    Args:
        config: from `sweeps.config.resolve_as`.
        runs: the run's folder is ``runs / config.name``; zoos are kept in ``runs / ".zoo"``.
        resume: keep what is in the folder.
        overwrite: remove it first.
        watcher: told about progress.
        command: what makes this run again on the command line.
        team: makes rows of one zoo at once, each in a process with one thread or as a Ray task with one CPU; by default
            this process makes one after another.

    Raises:
        WeightloomError: the run exists and is not to be continued, or was made with other settings.
    """
    if team is not None and team.engine == "slurm":
        raise WeightloomError("--engine: expected processes or ray for a bench, got slurm, which only runs sweeps")
    zoos = {kind: [_zoo(config, kind, repeat) for repeat in range(config.repeats)] for kind in config.kinds}
    with (
        begun(RunFolder(path=runs / config.name), config, resume=resume, overwrite=overwrite) as folder,
        engine_of(team, folder, config),
    ):
        folder.save_config(config)
        found: dict[Kind, Summary] = {}
        for kind, own in zoos.items():
            bench = _Bench(
                config=config,
                kind=kind,
                zoos=tuple(own),
                folder=folder,
                runs=runs,
                watcher=watcher,
                workers=1 if team is None else team.workers,
            )
            found[kind] = bench.run(command or again(folder))
            (folder.path / kind).mkdir(exist_ok=True)
            write_report(found[kind], folder.path / kind)
            found[kind].write(folder.path / kind)
        write_text(folder.path / "table.csv", rows_as_csv(list(found.values())))
        write_bench_page(found, folder.path)
    return found


def _rows(cells: Mapping[str, Sequence[Cell]]) -> dict[str, GeneratorSummary]:
    """Every generator pooled over repeats, each followed by its finished rows."""
    found: dict[str, GeneratorSummary] = {}
    for name, own in cells.items():
        if own:
            found[name] = pooled_generators([cell.generator for cell in own])
        for finished in dict.fromkeys(more for cell in own for more in cell.finished):
            found[finished] = pooled_generators([c.finished[finished] for c in own if finished in c.finished])
    return found


def _zoo(config: BenchConfig, kind: Kind, repeat: int) -> ZooConfig:
    changed = {**config.zoo.model_dump(), "kind": kind, "seed": config.zoo.seed + repeat}
    try:
        return ZooConfig.model_validate(changed)
    except ValidationError as error:
        raise WeightloomError(explain(error, ZooConfig, "zoo.")) from error


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """All repeats on one kind of zoo."""

    config: BenchConfig
    kind: Kind
    zoos: tuple[ZooConfig, ...]
    folder: RunFolder
    runs: Path
    watcher: Watcher
    workers: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of all rows."""
        return (*(plan.family for plan in self.config.families), *self.config.baselines, REAL)

    def run(self, command: str) -> Summary:
        """Make what is missing, and pool it."""
        parts = Parts(self.folder, self.watcher)
        for repeat in range(len(self.zoos)):
            self._repeat(repeat, parts)
        cells = {name: list(self._read(name)) for name in self.names}
        zoos = list(self._read_zoos())
        if len(zoos) < len(self.zoos):
            raise WeightloomError(
                f"bench: {self.kind} zoos failed: {'; '.join(parts.problems)}; mend it and go on with --resume"
            )
        return Summary.model_validate(
            {
                **head_of(self.config),
                "name": f"{self.config.name}, {self.kind}",
                "seconds": sum(cell.seconds for own in cells.values() for cell in own) + sum(z.seconds for z in zoos),
                "budget": budget_of(self.config, command, len(self.zoos) * len(self.config.families), parts.problems),
                "zoo": {**zoos[0].zoo, "zoos": len(zoos), "hash": ", ".join(str(z.zoo["hash"]) for z in zoos)},
                "generators": _rows(cells),
                "frontier": pooled_frontiers([zoo.frontier for zoo in zoos]),
                "brief": pooled_brief([zoo.brief for zoo in zoos]),
            }
        )

    def _repeat(self, repeat: int, parts: Parts) -> None:
        missing = [name for name in self.names if not self._path(repeat, name).exists()]
        if not missing and self._zoo_path(repeat).exists():
            return
        where = f"{self.kind} zoo {repeat + 1} of {len(self.zoos)}"
        self.watcher.say(where)
        laboratory = self._laboratory(repeat)
        if not self._zoo_path(repeat).exists():
            with parts.attempt(f"{where}, noise and brief training"):
                began = time.perf_counter()
                brief = self._brief(repeat) or laboratory.brief_training(self.config.evaluation)
                facts = ZooCell(
                    zoo=laboratory.zoo_facts(),
                    frontier=laboratory.noise_frontier(self.config.evaluation),
                    brief=brief,
                    seconds=laboratory.zoo.seconds + time.perf_counter() - began,
                )
                write_json(self._zoo_path(repeat), facts.model_dump())
        if self.workers == 1:
            for name in missing:
                with parts.attempt(f"{where}, {name}"):
                    write_json(self._path(repeat, name), self._cell(repeat, name, laboratory).model_dump())
            return
        there = replace(self, watcher=Silent(), runs=self.runs.resolve())  # a terminal cannot travel
        for name, made in zip(missing, side_by_side(partial(there.cell, repeat), missing, self.workers), strict=True):
            with parts.attempt(f"{where}, {name}"):
                if isinstance(made, Exception):
                    raise made
                write_json(self._path(repeat, name), made.model_dump())
            self.watcher.progress(where, missing.index(name) + 1, len(missing))

    def cell(self, repeat: int, name: str) -> Cell | Exception:
        """One row, made in a process of its own, or why it could not be, in words that travel."""
        try:
            return self._cell(repeat, name, self._laboratory(repeat))
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            found = RunFailed(str(error)) if isinstance(error, WeightloomError) else RuntimeError(words)
            found.add_note(traceback.format_exc())
            return found

    def _laboratory(self, repeat: int) -> Laboratory:
        config = self.config.model_copy(update={"zoo": self.zoos[repeat]})
        return open_laboratory(config, self.runs, self.watcher)

    def _cell(self, repeat: int, name: str, laboratory: Laboratory) -> Cell:
        began = time.perf_counter()
        summary, generator = self._maker(name, repeat, laboratory)()
        more = finished_rows(self.config, laboratory, summary, generator, self.watcher)
        return Cell(generator=summary, finished=more, seconds=time.perf_counter() - began)

    def _maker(self, name: str, repeat: int, laboratory: Laboratory) -> Callable[[], Made]:
        """What makes one row, and the generator of it if there is one."""
        evaluation = self.config.evaluation
        label = f"{self.kind} {repeat + 1}/{len(self.zoos)}, {name}"

        def told(phase: str, done: int, total: int) -> None:
            self.watcher.progress(f"{label}, {phase} phase", done, total)

        def family() -> Made:
            proposal = first_proposal(self.config, name)
            training = proposal.training.model_copy(update={"seed": proposal.training.seed + self.config.seed + repeat})
            own = proposal.measured(evaluation)
            outcome = run_family(laboratory, name, proposal.settings, training, own, told=told)
            return outcome.summary, outcome.generator

        def baseline() -> Made:
            outcome = run_baseline(laboratory, name, {}, evaluation)
            return outcome.summary, outcome.generator

        if name == REAL:
            return lambda: (run_real(laboratory), None)
        self.watcher.progress(label, 0, 1)
        if GENERATORS.load(name).kind == "baseline":
            return baseline
        return family

    def _brief(self, repeat: int) -> list[BriefPoint]:
        """What was measured on another kind's zoo: the held-out architectures of a repeat are the same in all kinds."""
        paths = (self._zoo_path(repeat, kind) for kind in self.config.kinds)
        return next((read_record(path, ZooCell, remedy=REMEDY).brief for path in paths if path.exists()), [])

    def _path(self, repeat: int, name: str, kind: Kind | None = None) -> Path:
        return self.folder.path / "cells" / f"{kind or self.kind}-{repeat + 1}" / f"{name}.json"

    def _zoo_path(self, repeat: int, kind: Kind | None = None) -> Path:
        return self._path(repeat, "zoo", kind)

    def _read(self, name: str) -> Iterator[Cell]:
        for repeat in range(len(self.zoos)):
            if (path := self._path(repeat, name)).exists():
                yield read_record(path, Cell, remedy=REMEDY)

    def _read_zoos(self) -> Iterator[ZooCell]:
        for repeat in range(len(self.zoos)):
            if (path := self._zoo_path(repeat)).exists():
                yield read_record(path, ZooCell, remedy=REMEDY)
