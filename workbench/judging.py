"""One generator, judged: what ``weightloom train`` and the table of a sweep say, as one object for notebooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from generators.generator import Generator
from generators.registry import GENERATORS
from generators.saving import save_pretrained
from search_spaces import WeightloomError
from workbench.evaluation import EvaluationConfig
from workbench.experiment import run_baseline, run_family, run_real
from workbench.laboratory import Laboratory
from workbench.provenance import versions
from workbench.report import write_report
from workbench.summary import Summary, one_line
from workbench.tasks import Task
from workbench.training import TrainingConfig
from workbench.zoo import ZooConfig

BASELINES = ("init", "retrieve", "noise", "average", "gaussian", "pca")
CONFIGS: dict[str, type[BaseModel]] = {"training": TrainingConfig, "evaluation": EvaluationConfig, "zoo": ZooConfig}


@dataclass(frozen=True, eq=False)
class Experiment:
    """One generator under one budget, beside baselines and really trained networks.

    The three configurations may be given as dictionaries; an unknown key or a value out of range is an error.

        Experiment("mlp", training={"steps": 300}, zoo={"networks": 48}).run()

    Attributes:
        generator: name of a registered generator, or a class of your own, which need not be registered.
        task: name of a registered task, or a `Task`, for example from ``workbench.tasks.from_arrays``.
        data: folder or file of the data, for tasks that read one.
        space: name of a registered search space.
        space_settings: its arguments that are not the defaults, such as ``{"widths": (8, 16)}``.
        settings: of the generator.
        training: budget, way of training, learning rate and seed.
        evaluation: sizes of the measurement.
        zoo: which networks are really trained; kept in ``runs / ".zoo"`` and used again.
        baselines: what stands beside the generator.
        brief: whether a few steps of real training are measured too, which takes a minute.
        runs: folder, as that of the command line.
        name: of the record; by default the generator's.
    """

    generator: str | type[Generator]
    _: KW_ONLY
    task: str | Task = "digits"
    data: str | None = None
    space: str = "mlp"
    space_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    zoo: ZooConfig = field(default_factory=ZooConfig)
    baselines: tuple[str, ...] = BASELINES
    brief: bool = True
    runs: Path = Path("runs")
    name: str | None = None

    def __post_init__(self) -> None:
        for name, kind in CONFIGS.items():
            given = getattr(self, name)
            if not isinstance(given, kind):
                try:
                    object.__setattr__(self, name, kind.model_validate(given))
                except ValidationError as error:
                    raise WeightloomError(f"experiment, {name}: {one_line(error)}") from error
        object.__setattr__(self, "runs", Path(self.runs))

    def open(self, progress: Callable[[str, int, int], None] | None = None) -> Laboratory:
        """Task, space and zoo; the zoo is trained if ``runs`` does not have it yet."""
        return Laboratory.open(
            task=self.task,
            data=self.data,
            space=self.space,
            space_settings=self.space_settings,
            zoo=self.zoo,
            folder=self.runs / ".zoo",
            progress=progress,
        )

    def run(self, progress: Callable[[str, int, int], None] | None = None) -> Judged:
        """Train the generator, or fit it if it is a baseline, and measure it and all that it is compared with.

        Args:
            progress: told the stage, steps done and steps in all.

        Raises:
            WeightloomError: a name or setting that is not allowed.
            RunFailed: the training broke down.
        """
        began = time.perf_counter()
        kind: type[Generator] = GENERATORS.load(self.generator) if isinstance(self.generator, str) else self.generator
        laboratory = self.open(progress)
        if kind.kind == "baseline":
            own = run_baseline(laboratory, self.generator, self.settings, self.evaluation)
        else:
            own = run_family(laboratory, self.generator, self.settings, self.training, self.evaluation, told=progress)
        rows = {kind.name: own.summary}
        for name in self.baselines:
            if name not in rows:
                rows[name] = run_baseline(laboratory, name, {}, self.evaluation).summary
        rows["real"] = run_real(laboratory)
        summary = Summary.model_validate(
            {
                "schema": 1,
                "name": self.name or kind.name,
                "task": laboratory.task.name,
                "space": laboratory.space.name,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "seed": self.training.seed,
                "versions": versions(),
                "budget": budget_facts(self.training, self.evaluation, self.zoo),
                "zoo": laboratory.zoo_facts(),
                "generators": rows,
                "frontier": laboratory.noise_frontier(self.evaluation),
                "brief": laboratory.brief_training(self.evaluation) if self.brief else [],
                "seconds": time.perf_counter() - began,
            }
        )
        return Judged(generator=own.generator, summary=summary, laboratory=laboratory)


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """What an experiment gave.

    Attributes:
        generator: trained or fitted.
        summary: its figures on test architectures and those of all that it was compared with; see
            ``docs/summary.md``.
        laboratory: the task, the space and the zoo.
    """

    generator: Generator
    summary: Summary
    laboratory: Laboratory

    def save(self, folder: str | Path) -> Path:
        """Write ``summary.json`` and ``report.html``, and the generator into ``generator`` if it is registered.

        ``weightloom compare FOLDER`` reads them; the report is returned.
        """
        if self.generator.name in GENERATORS.names() and GENERATORS.load(self.generator.name) is type(self.generator):
            save_pretrained(self.generator, Path(folder) / "generator")
        self.summary.write(folder)
        return write_report(self.summary, folder)


def budget_facts(training: TrainingConfig, evaluation: EvaluationConfig, zoo: ZooConfig) -> dict[str, Any]:
    """What every summary says that a generator and its yardstick were given."""
    return {
        "steps": training.steps,
        "zoo_steps": training.zoo_steps,
        "zoo_networks": zoo.networks,
        "zoo_network_steps": zoo.recipe.steps,
        "real_steps": zoo.real_recipe.steps,
        "latents": evaluation.latents,
        **({} if training.max_seconds is None else {"phase_seconds": training.max_seconds}),
    }
