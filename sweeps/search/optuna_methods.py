"""Optuna's samplers as search methods; the choices taken are the parameters."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import partial
from typing import Any, cast, final

import optuna

from search_spaces import Choice, WeightloomError, choices
from search_spaces.architecture import Value
from sweeps.search.candidates import Candidates, Genes, freeze
from sweeps.search.method import SearchMethod

REPEATS = 30
LARGEST_GP = 200


class OptunaMethod(SearchMethod):
    """A sampler behind ask and tell.

    A suggestion whose key was asked before is answered with the score already known, up to ``REPEATS`` times a
    query; then random genes are asked and added to the study.
    """

    def __init__(self, candidates: Candidates, *, queries: int, seed: int) -> None:
        super().__init__(candidates, queries=queries, seed=seed)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction="maximize", sampler=self.sampler(seed))
        self._known: dict[str, float] = {}
        self._trial: optuna.Trial | None = None

    @abstractmethod
    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """The sampler."""

    @final
    def propose(self) -> Genes | None:
        """What the sampler suggests."""
        for _ in range(REPEATS):
            trial = self._study.ask()
            genes = freeze(choices.walk(self.candidates.tree, partial(_suggest, trial)))
            if self.fresh(genes):
                self._trial = trial
                return genes
            self._answer(trial, self._known[self.candidates.key(genes)])
        self._trial = None
        return self.random_fresh()

    @final
    def learn(self) -> None:
        """Tell the study."""
        genes, score = self.history[-1], self.scores[-1]
        self._known[self.candidates.key(genes)] = score
        if self._trial is not None:
            self._answer(self._trial, score)
        elif math.isfinite(score):
            met = choices.taken(self.candidates.tree, dict(genes))
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=dict(genes),
                    distributions={
                        name: optuna.distributions.CategoricalDistribution(choice.options)
                        for name, choice in met.items()
                    },
                    value=score,
                )
            )

    def _answer(self, trial: optuna.Trial, score: float) -> None:
        if math.isfinite(score):
            self._study.tell(trial, score)
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _suggest(trial: optuna.Trial, choice: Choice) -> Value:
    value: Any = trial.suggest_categorical(choice.name, choice.options)
    return cast(Value, value)


@final
class TPE(OptunaMethod):
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), with its defaults."""

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Ten random trials, then Parzen estimators."""
        return optuna.samplers.TPESampler(seed=seed)


@final
class NSGA2(OptunaMethod):
    """Optuna's NSGA-II (Deb et al. 2002) with one objective and a population of a fifth of the queries."""

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Five generations fit, as the default of 50 would leave two for 100 queries."""
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(2, self.queries // 5))


@final
class GP(OptunaMethod):
    """Optuna's Gaussian process on one-hot choices; at most 200 queries, about a tenth of a second each."""

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Refuses what would take too long."""
        if self.queries > LARGEST_GP:
            raise WeightloomError(
                f"search method gp: expected at most {LARGEST_GP} queries, since each costs more than the last, "
                f"got {self.queries}; use predictor or tpe"
            )
        return optuna.samplers.GPSampler(seed=seed)
