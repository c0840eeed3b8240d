"""The protocol as one command: every generator on zoos of every kind, several times, beside all baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from generators.generator import Generator
from generators.registry import GENERATORS
from search_spaces import UnknownName, WeightloomError
from search_spaces.files import write_json, write_text
from sweeps.conclusion import Parts, again, budget_of, finished_rows, head_of, zoo_facts
from sweeps.config import BenchConfig, FamilyPlan, explain
from sweeps.folder import RunFolder, begun
from sweeps.names import families
from sweeps.proposal import first_proposal
from sweeps.study import open_laboratory
from sweeps.watching import Watcher
from workbench.comparison import rows_as_csv
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


def with_generators(config: BenchConfig, names: Sequence[str]) -> BenchConfig:
    """The configuration with these families alone; one that has no plan in it gets the defaults.

    Raises:
        UnknownName: no such family is installed.
    """
    for name in names:
        if name not in families():
            raise UnknownName("family", name, families())
    plans = {plan.family: plan for plan in config.families}
    chosen = tuple(plans.get(name, FamilyPlan(family=name)) for name in dict.fromkeys(names))
    return config.model_copy(update={"families": chosen})


def run_bench(
    config: BenchConfig,
    runs: Path,
    *,
    resume: bool,
    overwrite: bool,
    watcher: Watcher,
    command: str | None = None,
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

    Raises:
        WeightloomError: the run exists and is not to be continued, or was made with other settings.
    """
    zoos = {kind: [_zoo(config, kind, repeat) for repeat in range(config.repeats)] for kind in config.kinds}
    with begun(RunFolder(path=runs / config.name), config, resume=resume, overwrite=overwrite) as folder:
        folder.save_config(config)
        found: dict[Kind, Summary] = {}
        for kind, own in zoos.items():
            bench = _Bench(config=config, kind=kind, zoos=tuple(own), folder=folder, runs=runs, watcher=watcher)
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
        config = self.config.model_copy(update={"zoo": self.zoos[repeat]})
        where = f"{self.kind} zoo {repeat + 1} of {len(self.zoos)}"
        self.watcher.say(where)
        laboratory = open_laboratory(config, self.runs, self.watcher)
        if not self._zoo_path(repeat).exists():
            with parts.attempt(f"{where}, noise and brief training"):
                began = time.perf_counter()
                brief = self._brief(repeat) or laboratory.brief_training(config.evaluation)
                facts = ZooCell(
                    zoo=zoo_facts(laboratory),
                    frontier=laboratory.noise_frontier(config.evaluation),
                    brief=brief,
                    seconds=laboratory.zoo.seconds + time.perf_counter() - began,
                )
                write_json(self._zoo_path(repeat), facts.model_dump())
        for name in missing:
            with parts.attempt(f"{where}, {name}"):
                began = time.perf_counter()
                summary, generator = self._maker(name, repeat, laboratory)()
                more = finished_rows(self.config, laboratory, summary, generator, self.watcher)
                cell = Cell(generator=summary, finished=more, seconds=time.perf_counter() - began)
                write_json(self._path(repeat, name), cell.model_dump())

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
