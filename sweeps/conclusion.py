"""The end of a sweep: baselines and real networks beside the best of each family, and all that is written."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from optuna.trial import FrozenTrial

from generators.generator import Generator
from generators.saving import from_pretrained
from search_spaces.files import write_text
from search_spaces.secrets import redacted
from sweeps.config import Best, SweepConfig
from sweeps.constraints import exceeded, nearest
from sweeps.exporting import Chosen, export_best
from sweeps.folder import RunFolder
from sweeps.objectives import by_name
from sweeps.reasons import reason_of
from sweeps.repeating import REASON
from sweeps.status import STATES
from sweeps.storage import StudyStore
from sweeps.watching import Watcher
from workbench.differences import MARGIN
from workbench.experiment import finished_name, run_baseline, run_finished, run_real
from workbench.judging import budget_facts
from workbench.laboratory import Laboratory
from workbench.provenance import versions
from workbench.report import write_report
from workbench.summary import (
    BriefPoint,
    ExportRecord,
    FrontierPoint,
    GeneratorSummary,
    ParetoPoint,
    Summary,
    TrialSummary,
)

PROBLEMS = "problems"
TIE = 0.01
"""Fidelities this close count as equal when a family's best trial is picked: less than their intervals are wide."""
FRESH = "init"
"""The baseline of fresh weights, which finishing turns into brief training."""
COMPARING = "comparing with baselines and real networks"


def conclude(
    config: SweepConfig,
    folder: RunFolder,
    laboratory: Laboratory,
    store: StudyStore,
    watcher: Watcher,
    command: str | None,
    start: float,
) -> Summary:
    """Measure what the families are compared with, write everything, return the summary.

    Of each family the trial that `best_of` picks on validation architectures and data is shown. Other ways to
    choose, such as fidelity x (1 − collapse), are left to the reader, for whom the Pareto front and all trials
    are there.

    Args:
        config: of the sweep.
        folder: of the run.
        laboratory: of the sweep.
        store: its trials, all ended.
        watcher: told about progress.
        command: what makes the run again.
        start: since when time has not been added to the study (`time.perf_counter`).
    """
    parts = Parts(folder, watcher)
    if not store.complete():
        reasons = [str(t.user_attrs.get(REASON)) for t in store.ended()]
        parts.problems.append(f"no trial finished; the last one said: {reasons[-1] if reasons else 'nothing'}")
    best = best_by_family(store.complete())
    beyond = _beyond(best, config.constraints.given)
    for sentence in beyond:
        watcher.say(sentence)
    generators: dict[str, GeneratorSummary] = {}
    for family, trial in list(best.items()):
        with parts.attempt(f"best trial of {family}"):  # another machine may have kept its files for itself
            generators[family] = folder.read_trial(trial.number)
    best = {family: trial for family, trial in best.items() if family in generators}
    for family, trial in best.items() if config.finish else ():
        with parts.attempt(f"finished {family}"):
            generator = from_pretrained(folder.generator(trial.number)).to(laboratory.device)
            generators |= finished_rows(config, laboratory, generators[family], generator, watcher)
    total = len(config.baselines) + 2
    for i, name in enumerate(config.baselines):
        watcher.progress(COMPARING, i, total)
        with parts.attempt(f"baseline {name}"):
            outcome = run_baseline(laboratory, name, {}, config.evaluation)
            generators[name] = outcome.summary
            generators |= finished_rows(config, laboratory, outcome.summary, outcome.generator, watcher)
    watcher.progress(COMPARING, total - 2, total)
    with parts.attempt("real networks"):
        generators["real"] = run_real(laboratory)
    watcher.progress(COMPARING, total - 1, total)
    frontier: list[FrontierPoint] = []
    with parts.attempt("noise frontiers"):
        frontier = laboratory.noise_frontier(config.evaluation)
    brief: list[BriefPoint] = []
    with parts.attempt("brief training"):
        brief = laboratory.brief_training(config.evaluation)
    exports: list[ExportRecord] = []
    if best and config.exports.top:
        with parts.attempt("export"):
            here = [t for t in store.complete() if t.params["family"] in best and folder.generator(t.number).exists()]
            chosen = chosen_of(config, here, config.exports.best)
            exports = export_best(config, folder, laboratory, chosen, config.exports, watcher)
    summary = Summary.model_validate(
        {
            **head_of(config),
            "seconds": store.seconds + time.perf_counter() - start,
            "budget": {
                **budget_of(config, command or again(folder), len(store.ended()), parts.problems),
                **({"note": "; ".join(beyond)} if beyond else {}),
            },
            "zoo": laboratory.zoo_facts(),
            "generators": generators,
            "frontier": frontier,
            "brief": brief,
            "trials": [_trial(trial) for trial in store.trials()],
            "pareto": _pareto(store),
            "exports": exports,
        }
    )
    watcher.progress("report", 0, 1)
    write_report(summary, folder.path)
    summary.write(folder.path)
    watcher.progress("report", 1, 1)
    return summary


def finished_rows(
    config: SweepConfig,
    laboratory: Laboratory,
    start: GeneratorSummary,
    generator: Generator | None,
    watcher: Watcher,
) -> dict[str, GeneratorSummary]:
    """Rows with ``config.finish`` steps of real training after it: of a family, or of fresh weights; none of others."""
    if generator is None or (start.kind != "family" and start.family != FRESH):
        return {}
    rows = {}
    for steps in config.finish:
        name = finished_name(start.family, steps)
        watcher.progress(name, 0, 1)
        rows[name] = run_finished(laboratory, start, generator, steps, config.evaluation)
    return rows


class Parts:
    """Parts of the conclusion, each of which may fail without the others being lost."""

    def __init__(self, folder: RunFolder, watcher: Watcher) -> None:
        self.folder = folder
        self.watcher = watcher
        self.problems: list[str] = []

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Note a failure instead of passing it on; its traceback goes to a log."""
        try:
            yield
        except Exception as error:  # the summary of a long sweep must not be lost for one part of it
            log = write_text(self.folder.path / f"{what.replace(' ', '-')}.log", redacted(traceback.format_exc()))
            problem = f"{what} failed: {reason_of(error, log.relative_to(self.folder.path))}"
            self.problems.append(problem)
            self.watcher.say(problem)


def best_by_family(trials: Sequence[FrozenTrial]) -> dict[str, FrozenTrial]:
    """Per family, in the order of trials, the one that `best_of` picks of these finished ones."""
    families: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        families.setdefault(trial.params["family"], []).append(trial)
    return {family: best_of(trials) for family, trials in families.items()}


def best_of(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The least collapsed of the trials whose validation fidelity is within ``TIE`` of the highest.

    Only those that keep the sweep's limits are looked at; where none does, those that exceed them least.
    """
    trials = nearest(trials)
    top = max(by_name(trial.values)["fidelity"] for trial in trials)
    near = [trial for trial in trials if by_name(trial.values)["fidelity"] >= top - TIE]
    return min(near, key=lambda trial: by_name(trial.values)["collapse"])


def chosen_of(config: SweepConfig, trials: Sequence[FrozenTrial], best: Best, family: str | None = None) -> Chosen:
    """The generator whose networks are exported.

    Args:
        config: of the sweep.
        trials: finished ones, in their order, one at least of ``family``.
        best: what is best on validation: ``fidelity``, where trials within ``TIE`` count as equal, and their collapse
            decides; ``trade-off``; or least ``collapse`` or fewest ``active_parameters`` among those whose fidelity is
            at most `MARGIN` below the highest, since broken networks look wonderfully diverse and small.
        family: of the trials that count; by default all do; only those that keep the
            sweep's limits, or exceed them least, are looked at.
    """
    own = nearest([trial for trial in trials if family is None or trial.params["family"] == family])
    if best == "fidelity":
        trial = max(best_by_family(own).values(), key=_rank)
    elif best == "trade-off":
        trial = max(own, key=lambda t: by_name(t.values)["fidelity"] * (1 - by_name(t.values)["collapse"]))
    else:
        least = max(_rank(trial)[0] for trial in own) - MARGIN
        trial = min((t for t in own if _rank(t)[0] >= least), key=lambda t: (by_name(t.values)[best], -_rank(t)[0]))
    asked = {name: trial.params.get(name, getattr(config.evaluation, name)) for name in ("density", "weights")}
    return Chosen(trial=trial.number, family=trial.params["family"], **asked)


def _beyond(best: Mapping[str, FrozenTrial], limits: Mapping[str, float]) -> list[str]:
    """What is to be said of families without a trial that keeps the limits."""
    wanted = " and ".join(f"{name} {limit:g}" for name, limit in limits.items())
    over = {family: exceeded(trial) for family, trial in best.items() if exceeded(trial)}
    return [
        f"no trial of {family} keeps {wanted}; the nearest is shown, {share:.0%} above"
        for family, share in over.items()
    ]


def again(folder: RunFolder) -> str:
    """The command that makes a run again from its saved configuration, under another name."""
    return f"weightloom sweep {folder.config} --name {folder.path.name}-again"


def _rank(trial: FrozenTrial) -> tuple[float, float]:
    values = by_name(trial.values)
    return values["fidelity"], -values["collapse"]


def head_of(config: SweepConfig) -> dict[str, Any]:
    """What the summary of any run begins with."""
    return {
        "schema": 1,
        "name": config.name,
        "task": config.task,
        "space": config.space,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "versions": versions(),
    }


def budget_of(config: SweepConfig, command: str, trials: int, problems: Sequence[str]) -> dict[str, Any]:
    """What the summary says was spent, the command that makes the run again, and what did not work."""
    return {
        "trials": trials,
        **budget_facts(config.training, config.evaluation, config.zoo),
        **config.constraints.given,
        "command": command,
        **({PROBLEMS: "; ".join(problems)} if problems else {}),
    }


def _trial(trial: FrozenTrial) -> TrialSummary:
    params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    family = str(params.get("family", "unknown"))
    return TrialSummary.model_validate(
        {
            "number": trial.number,
            "family": family,
            "mode": str(params.get(f"{family}.mode", "unknown")),
            "state": STATES[trial.state.name],
            "values": by_name(trial.values),
            "within": not exceeded(trial) if trial.constraints else None,
            "params": params,
            "seconds": trial.duration.total_seconds() if trial.duration else 0.0,
            "reason": trial.user_attrs.get(REASON),
        }
    )


def _pareto(store: StudyStore) -> list[ParetoPoint]:
    return [
        ParetoPoint(trial=trial.number, family=trial.params["family"], values=dict(by_name(trial.values)))
        for trial in sorted(store.study.best_trials, key=lambda trial: trial.number)
    ]
