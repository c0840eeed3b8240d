"""One worker: takes trials of a study, one after another, until as many as were asked for have ended."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import optuna

from generators.saving import save_pretrained
from search_spaces.files import write_text
from search_spaces.secrets import redacted
from sweeps.config import SweepConfig
from sweeps.deferring import Deferred
from sweeps.folder import RunFolder
from sweeps.limits import MemoryExceeded, limited
from sweeps.objectives import figures
from sweeps.origin import Origin
from sweeps.proposal import Proposal, propose
from sweeps.pruning import Pruned, judge, record
from sweeps.reasons import no_room, reason_of
from sweeps.repeating import MIDWAY
from sweeps.storage import StorageFailed, StudyStore
from sweeps.turns import take_turns
from sweeps.watching import Watcher
from workbench.experiment import Checked, Midway, Outcome, run_family
from workbench.laboratory import Laboratory
from workbench.tracking import Tracker
from workbench.training import Checkpoint


@dataclass(frozen=True, kw_only=True, eq=False)
class Worker:
    """What all trials of one worker share.

    Attributes:
        replaced: whether somebody starts a fresh process where this one ends itself, as a trial that used too
            much memory makes it do.
    """

    config: SweepConfig
    folder: RunFolder
    laboratory: Laboratory
    store: StudyStore
    tracker: Tracker
    watcher: Watcher
    replaced: bool = False

    def run(self, ended: Callable[[], None] = lambda: None) -> None:
        """Run trials until all have ended, here or elsewhere.

        A trial that fails is recorded with its reason and the others go on. One that is stopped by a signal,
        a full disk or a storage that is gone is given back.

        Args:
            ended: called after each trial.

        Raises:
            WeightloomError: the disk is full.
            StorageFailed: the study cannot be reached.
            MemoryExceeded: after a trial that used too much, if this worker is ``replaced``.
        """
        take_turns(self.folder.path, self.store, self._attempt, self.watcher.say, ended)

    def _forget(self, trial: optuna.Trial) -> None:
        """The trial has ended; nobody goes on with it."""
        self.folder.checkpoint(self.store.root(trial)).unlink(missing_ok=True)

    def _attempt(self, trial: optuna.Trial, signals: Deferred) -> None:
        label = title = f"trial {len(self.store.ended()) + 1} of {self.store.target}"
        try:
            with limited(self.config.limits, partial(self.store.fail, trial)):
                proposal = self.store.persistently(partial(propose, self.config, trial))
                label = f"{title}: {proposal.family} {proposal.training.mode}"
                outcome = self._experiment(trial, proposal, label, signals)
                self._save(trial, proposal, outcome)
            if not self.store.finish(trial, outcome.objectives, self._excess(outcome)):
                self.watcher.say(f"{label}: was silent for too long, and another worker had taken it")
                return
            self._forget(trial)
        except Pruned as reason:
            self.store.prune(trial, str(reason))
            self._forget(trial)
            self.watcher.say(f"{label} given up: {reason}")
        except StorageFailed:
            raise
        except Exception as error:  # whatever goes wrong in one trial, the others go on
            if no_room(error):
                raise
            self._fail(trial, error, label)
            if isinstance(error, MemoryExceeded) and self.replaced:
                raise
        else:
            self.watcher.say(f"{label}: {figures(outcome.objectives)} (validation)")

    def _experiment(self, trial: optuna.Trial, proposal: Proposal, label: str, signals: Deferred) -> Outcome:
        config, root = self.config, self.store.root(trial)
        seed = proposal.training.seed + 1000 * config.seed + root
        training = proposal.training.model_copy(update={"seed": seed})
        evaluation = proposal.measured(config.evaluation)
        parameters = {
            **training.model_dump(),
            **proposal.settings,
            "family": proposal.family,
            "density": proposal.density,
            "weights": proposal.weights,
            "trial": trial.number,
            "task": config.task,
            "space": config.space,
            "zoo": self.laboratory.zoo.digest,
        }
        tags = (config.task, config.space, proposal.family, proposal.training.mode)

        def told(phase: str, done: int, total: int) -> None:
            self.watcher.progress(f"{label}, {phase} phase", done, total)
            signals.deliver()

        keep = partial(
            Checkpoint,
            self.folder.checkpoint(root),
            every=config.checkpoint_seconds,
            wanted=lambda: signals.pending is not None,
        )
        name = f"{config.name}-{trial.number:03d}-{proposal.family}"
        with self.tracker.trial(name, proposal.family, parameters, tags) as tracked:
            try:
                outcome = run_family(
                    self.laboratory,
                    proposal.family,
                    proposal.settings,
                    training,
                    evaluation,
                    trial=trial.number,
                    told=told,
                    keep=keep,
                    checked=self._checked(trial, proposal.family),
                )
            except Pruned as reason:
                tracked.stopped("pruned", str(reason))
                raise
            if outcome.training is not None:
                tracked.curve(outcome.training.curve)
            tracked.summary(outcome.summary)
        return outcome

    def _excess(self, outcome: Outcome) -> dict[str, float]:
        dense = fmean(blueprint.parameter_count for blueprint in self.laboratory.validation.blueprints)
        return self.config.constraints.excess(outcome.objectives["active_parameters"], dense)

    def _checked(self, trial: optuna.Trial, family: str) -> Checked | None:
        plan = self.config.pruning
        if plan is None:
            return None

        def look(found: Midway) -> None:
            self.store.persistently(partial(trial.set_user_attr, MIDWAY, record(found)))
            reason = judge(plan, found, self.store.complete(), family)
            if reason is not None:
                raise Pruned(reason)

        return Checked(at=plan.at, judge=look)

    def _save(self, trial: optuna.Trial, proposal: Proposal, outcome: Outcome) -> None:
        place = self.folder.generator(trial.number)
        try:
            save_pretrained(outcome.generator, place)
            Origin.of(self.laboratory, self.config.data, proposal.training.mode).write(place)
            self.folder.save_trial(trial.number, outcome.summary)
        except BaseException:  # a trial that did not finish leaves no half of a generator
            shutil.rmtree(place, ignore_errors=True)
            raise

    def _fail(self, trial: optuna.Trial, error: Exception, label: str) -> None:
        log = write_text(self.folder.trial_log(trial.number), redacted(traceback.format_exc()))
        reason = reason_of(error, log.relative_to(self.folder.path))
        self.store.fail(trial, reason)
        self._forget(trial)
        self.watcher.say(f"{label} failed: {reason}")
