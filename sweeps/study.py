"""A sweep from its configuration to its summary: trials one after another, then the conclusion."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import optuna

from generators.saving import save_pretrained
from search_spaces.files import write_text
from sweeps.conclusion import conclude, reason_of
from sweeps.config import SweepConfig
from sweeps.folder import RunFolder, begun
from sweeps.origin import Origin
from sweeps.proposal import Proposal, first_parameters, propose
from sweeps.storage import StudyStore, opened
from sweeps.watching import Silent, Watcher
from workbench.experiment import Outcome, run_family
from workbench.laboratory import Laboratory
from workbench.summary import Summary, shown
from workbench.tracking import Tracker, tracker_for

ZOO_FOLDER = ".zoo"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """What all trials of a sweep share."""

    config: SweepConfig
    folder: RunFolder
    laboratory: Laboratory
    store: StudyStore
    tracker: Tracker
    watcher: Watcher


def run_sweep(
    config: SweepConfig,
    runs: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    command: str | None = None,
) -> Summary:
    """Run all trials, then baselines and real networks, and write summary, report and exports.

    A trial that ended is never run again, whatever happens to the process; one that was cut off is repeated
    with the same settings and seed. A trial that fails is recorded with its reason and the sweep goes on.

    Args:
        config: from `sweeps.config.resolve`.
        runs: the run's folder is ``runs / config.name``; the zoo is kept in ``runs / ".zoo"`` for all runs.
        resume: continue the run if it was begun before.
        overwrite: remove the run if there is one, and start anew.
        watcher: told about progress.
        command: what makes this run again on the command line; shown by the report.

    Raises:
        WeightloomError: the run exists and is not to be continued, or was made with other settings; the data
            is missing; a file is damaged.
    """
    watcher = watcher or Silent()
    with begun(RunFolder(path=runs / config.name), config, resume=resume, overwrite=overwrite) as folder:
        start = time.perf_counter()
        laboratory = open_laboratory(config, runs, watcher)
        folder.save_config(config)
        tracker = tracker_for(config.tracker, folder.path, config.name, config.wandb_online)
        with opened(folder.study, config.name, config.seed) as store:
            run = _Run(
                config=config,
                folder=folder,
                laboratory=laboratory,
                store=store,
                tracker=tracker,
                watcher=watcher,
            )
            start = _run_trials(run, start)
            summary = conclude(config, folder, laboratory, store, watcher, command, start)
            store.add_seconds(time.perf_counter() - start)
    return summary


def open_laboratory(config: SweepConfig, runs: Path, watcher: Watcher) -> Laboratory:
    """The task, the space and the zoo of a sweep; the zoo is trained if it is not in ``runs`` yet."""
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
    return Laboratory.open(
        task=config.task,
        data=config.data,
        space=config.space,
        space_settings=config.space_settings,
        zoo=config.zoo,
        folder=runs / ZOO_FOLDER,
        progress=lambda stage, done, total: watcher.progress(f"zoo: {stage}", done, total),
    )


def _run_trials(run: _Run, start: float) -> float:
    """Run what is left of the trials; returns since when time has not been added to the study."""
    store, config = run.store, run.config
    interrupted = store.requeue_interrupted()
    if interrupted:
        run.watcher.say(f"{interrupted} interrupted trial is run again" if interrupted == 1 else
                        f"{interrupted} interrupted trials are run again")  # fmt: skip
    for plan in config.families:
        store.enqueue(first_parameters(config, plan.family))
    if store.ended():
        run.watcher.say(f"{len(store.ended())} of {config.trials} trials had ended before")
    while len(store.ended()) < config.trials:
        _run_trial(run, store.ask(), f"trial {len(store.ended()) + 1} of {config.trials}")
        now = time.perf_counter()
        store.add_seconds(now - start)
        start = now
    return start


def _run_trial(run: _Run, trial: optuna.Trial, title: str) -> None:
    label = title
    try:
        proposal = propose(run.config, trial)
        label = f"{title}: {proposal.family} {proposal.training.mode}"
        outcome = _experiment(run, trial, proposal, label)
        save_pretrained(outcome.generator, run.folder.generator(trial.number))
        origin = Origin.of(run.laboratory, run.config.data, proposal.training.mode)
        origin.write(run.folder.generator(trial.number))
        run.folder.save_trial(trial.number, outcome.summary)
    except Exception as error:  # whatever goes wrong in one trial, the others go on
        log = write_text(run.folder.trial_log(trial.number), traceback.format_exc())
        reason = reason_of(error, log.relative_to(run.folder.path))
        run.store.fail(trial, reason)
        run.watcher.say(f"{label} failed: {reason}")
    else:
        run.store.finish(trial, outcome.objectives)
        figures = ", ".join(f"{k.replace('_', ' ')} {shown(v)}" for k, v in outcome.objectives.items())
        run.watcher.say(f"{label}: {figures} (validation)")


def _experiment(run: _Run, trial: optuna.Trial, proposal: Proposal, label: str) -> Outcome:
    seed = proposal.training.seed + 1000 * run.config.seed + run.store.root(trial)
    training = proposal.training.model_copy(update={"seed": seed})
    evaluation = run.config.evaluation.model_copy(update={"density": proposal.density})
    name = f"{run.config.name}-{trial.number:03d}-{proposal.family}"
    parameters = {
        **training.model_dump(),
        **proposal.settings,
        "family": proposal.family,
        "density": proposal.density,
        "trial": trial.number,
    }

    def told(phase: str, done: int, total: int) -> None:
        run.watcher.progress(f"{label}, {phase} phase", done, total)

    with run.tracker.trial(name, proposal.family, parameters) as record:
        outcome = run_family(
            run.laboratory,
            proposal.family,
            proposal.settings,
            training,
            evaluation,
            trial=trial.number,
            told=told,
        )
        if outcome.training is not None:
            record.curve(outcome.training.curve)
        record.summary(outcome.summary)
    return outcome
