"""What a trial tries: asked from Optuna, or for the first trial of a family taken from its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from generators.generator import Generator
from generators.registry import GENERATORS
from search_spaces import UnknownName, WeightloomError
from sweeps.config import SweepConfig
from workbench.evaluation import EvaluationConfig
from workbench.training import TrainingConfig


class Asked(Protocol):
    """The little of an Optuna trial that is needed."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Pick one of ``choices``."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Pick a number."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Pick an integer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One experiment to make.

    Attributes:
        family: of the generator.
        settings: of the generator.
        training: budget, mode and learning rate; its seed is the sweep's own.
        density: share of hidden neurons that generated networks keep.
        weights: share of weights that they keep non-zero.
    """

    family: str
    settings: Mapping[str, Any]
    training: TrainingConfig
    density: float
    weights: float

    def measured(self, evaluation: EvaluationConfig) -> EvaluationConfig:
        """The sizes of the measurement, for networks as sparse as this experiment's."""
        return evaluation.model_copy(update={"density": self.density, "weights": self.weights})


def propose(config: SweepConfig, trial: Asked) -> Proposal:
    """Ask for family, mode, learning rate, sparsity and the family's settings, unless they are fixed."""
    family = trial.suggest_categorical("family", tuple(plan.family for plan in config.families))
    plan = config.plan(family)
    kind: type[Generator] = GENERATORS.load(family)
    training = config.training_of(family)
    changes: dict[str, Any] = {
        "mode": trial.suggest_categorical(f"{family}.mode", modes_of(config, family)),
    }
    if config.learning_rates is not None and "learning_rate" not in plan.training:
        low, high = config.learning_rates
        changes["learning_rate"] = trial.suggest_float(f"{family}.learning_rate", low, high, log=True)
    density = trial.suggest_categorical("density", config.densities)
    weights = trial.suggest_categorical("weights", config.weights)
    suggested = kind.suggest(_Named(trial, family, plan.settings))
    return Proposal(
        family=family,
        settings={**suggested, **plan.settings},
        training=training.model_copy(update=changes),
        density=density,
        weights=weights,
    )


def modes_of(config: SweepConfig, family: str) -> tuple[str, ...]:
    """The ways of training that are tried of a family."""
    return tuple(config.plan(family).modes or GENERATORS.load(family).modes)


def first_parameters(config: SweepConfig, family: str) -> dict[str, Any]:
    """The Optuna parameters of the first trial of a family.

    Raises:
        WeightloomError: the plan's ``first`` has an unknown key, or a value that is not among those tried.
    """
    return _first(config, family)[1]


def first_proposal(config: SweepConfig, family: str) -> Proposal:
    """The first trial of a family; raises like `first_parameters`."""
    return _first(config, family)[0]


def _first(config: SweepConfig, family: str) -> tuple[Proposal, dict[str, Any]]:
    given = config.plan(family).first
    wishes = _Wishes(family, given, _defaults(config, family))
    proposal = propose(config, wishes)
    for key in given:
        if key not in wishes.keys:
            raise UnknownName(f"key of families.{family}.first", key, wishes.keys - {"family"})
    return proposal, wishes.parameters


def _defaults(config: SweepConfig, family: str) -> dict[str, Any]:
    fields = GENERATORS.load(family).Config.model_fields
    own = {key: field.default for key, field in fields.items()}
    return {**own, "learning_rate": config.training_of(family).learning_rate}


class _Named:
    """A trial whose parameter names start with the family, and which is not asked for what is fixed."""

    def __init__(self, trial: Asked, family: str, fixed: Mapping[str, Any]) -> None:
        self.trial = trial
        self.family = family
        self.fixed = fixed

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        setting = self._setting(name)
        if setting in self.fixed:
            return self.fixed[setting]
        return self.trial.suggest_categorical(f"{self.family}.{setting}", choices)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        setting = self._setting(name)
        if setting in self.fixed:
            return float(self.fixed[setting])
        return self.trial.suggest_float(f"{self.family}.{setting}", low, high, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        setting = self._setting(name)
        if setting in self.fixed:
            return int(self.fixed[setting])
        return self.trial.suggest_int(f"{self.family}.{setting}", low, high, step=step, log=log)

    def _setting(self, name: str) -> str:
        return name.removeprefix(f"{self.family}.")


class _Wishes:
    """Answers with what was wished for, else with the default where it is allowed, and notes every answer."""

    def __init__(self, family: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self.family = family
        self.given = given
        self.defaults = defaults
        self.parameters: dict[str, Any] = {}
        self.keys: set[str] = set()

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if name == "family":
            return self._note(name, self.family)
        return self._answer(name, choices[0], lambda v: v in choices, f"one of {', '.join(map(str, choices))}")

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        def fits(value: Any) -> bool:
            return _is_number(value) and low <= value <= high

        if name == f"{self.family}.learning_rate" and "learning_rate" not in self.given:
            default = self.defaults["learning_rate"]
            if not fits(default):
                raise WeightloomError(
                    f"key 'training.learning_rate': expected a number within learning_rates, {low} to "
                    f"{high}, got {default}; widen learning_rates, or set it to null to search none"
                )
        return float(self._answer(name, (low * high) ** 0.5 if log else low, fits, f"a number from {low} to {high}"))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        def fits(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and value in range(low, high + 1, step)

        return int(self._answer(name, low, fits, f"an integer from {low} to {high} in steps of {step}"))

    def _answer(self, name: str, fallback: Any, fits: Any, allowed: str) -> Any:
        key = name.removeprefix(f"{self.family}.")
        if key in self.given:
            if not fits(self.given[key]):
                raise WeightloomError(
                    f"key 'families.{self.family}.first.{key}': expected {allowed}, got {self.given[key]!r}"
                )
            return self._note(name, self.given[key])
        default = self.defaults.get(key, fallback)
        return self._note(name, default if fits(default) else fallback)

    def _note(self, name: str, value: Any) -> Any:
        self.keys.add(name.removeprefix(f"{self.family}."))
        self.parameters[name] = value
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
