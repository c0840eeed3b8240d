"""Everything that a sweep is told, typed: one object for Python, YAML, command line and the saved run."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from generators.form import Form, Limit
from generators.generator import Mode
from generators.rounding import WeightsAs
from search_spaces.errors import UnknownName, WeightloomError
from sweeps.constraints import Constraints
from sweeps.limits import Limits
from sweeps.presets import read_preset
from sweeps.pruning import Pruning
from sweeps.reading import override, to_yaml
from workbench.evaluation import EvaluationConfig
from workbench.judging import BASELINES
from workbench.summary import one_line
from workbench.training import TrainingConfig
from workbench.zoo import Kind, ZooConfig

Density = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Steps = Annotated[int, Field(ge=10, le=1_000_000)]
Format = Literal["safetensors", "onnx", "torch-export", "hub"]
Best = Literal["fidelity", "trade-off", "collapse", "active_parameters"]
C = TypeVar("C", bound="SweepConfig")


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FamilyPlan(_Config):
    """What is tried of one family."""

    family: str = Field(description="name of a generator that learns, see `weightloom list generators`")
    modes: tuple[Mode, ...] = Field(
        default=(), description="ways of training to try: task, zoo, both; empty for all that the family has"
    )
    settings: dict[str, Any] = Field(default={}, description="settings of the generator that are fixed")
    training: dict[str, Any] = Field(default={}, description="keys of `training` that this family changes")
    first: dict[str, Any] = Field(
        default={},
        description="what its first trial tries: mode, learning_rate, density, weights and what the family proposes; "
        "what is left out has its default",
    )


class ExportPlan(_Config):
    """Which networks are exported in the end."""

    formats: tuple[Format, ...] = Field(default=("safetensors", "onnx"), description="files to write")
    best: Best = Field(
        default="fidelity",
        description="validation figure by which their generator is chosen; trade-off is fidelity x (1 - collapse), and "
        "collapse and active_parameters choose among generators nearly as faithful as the best",
    )
    top: int = Field(default=1, ge=0, le=1000, description="so many networks, best on validation first")
    weights_as: WeightsAs = Field(default="float32", description="how their weights are rounded")
    max_norm: Limit = Field(default=None, description="limit on the spectral norm of each weight matrix")
    max_lipschitz: Limit = Field(default=None, description="limit on the Lipschitz bound of each network")

    @property
    def form(self) -> Form:
        """What is done to each network before it is written."""
        return Form(weights_as=self.weights_as, max_norm=self.max_norm, max_lipschitz=self.max_lipschitz)


class SweepConfig(_Config):
    """One sweep; unknown keys are errors."""

    name: str = Field(
        default="sweep", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="of the run and its folder"
    )
    task: str = Field(default="digits", description="see `weightloom list tasks`")
    data: str | None = Field(default=None, description="folder or file of the data, for tasks that read one")
    space: str = Field(default="mlp", description="see `weightloom list spaces`")
    space_settings: dict[str, Any] = Field(
        default={}, description="arguments of the space that are not its defaults, such as widths: [8, 16]"
    )
    trials: int = Field(default=9, ge=1, le=100_000, description="generators that are trained")
    seed: int = Field(
        default=0, ge=0, lt=2**31, description="of suggestions, training and exports; the zoo has its own"
    )
    families: tuple[FamilyPlan, ...] = Field(
        default=tuple(FamilyPlan(family=name) for name in ("mlp", "transformer", "diffusion")),
        min_length=1,
        description="what is tried",
    )
    learning_rates: tuple[Rate, Rate] | None = Field(
        default=(3e-4, 3e-3), description="range that is searched; null to keep that of `training`"
    )
    densities: tuple[Density, ...] = Field(
        default=(1.0,), min_length=1, description="shares of hidden neurons to keep that are tried"
    )
    weights: tuple[Density, ...] = Field(
        default=(1.0,),
        min_length=1,
        description="shares of weights to keep non-zero that are tried; training.weights_share says how often a "
        "generator practises that",
    )
    constraints: Constraints = Field(default=Constraints(), description="what networks may cost")
    training: TrainingConfig = Field(default=TrainingConfig(), description="budget of each trial")
    evaluation: EvaluationConfig = Field(default=EvaluationConfig(), description="sizes of the measurement")
    zoo: ZooConfig = Field(default=ZooConfig(), description="networks that are really trained")
    baselines: tuple[str, ...] = Field(default=BASELINES, description="measured beside the families")
    finish: tuple[Steps, ...] = Field(
        default=(),
        description="steps of real training for one more row each of every family and of fresh weights",
    )
    tracker: Literal["wandb", "none"] = Field(default="wandb", description="where trials are recorded too")
    wandb_online: bool = Field(default=False, description="whether W&B may use the network")
    exports: ExportPlan = Field(default=ExportPlan(), description="networks that are exported in the end")
    threads: int | None = Field(default=None, ge=1, le=1024, description="of torch; null to let it choose")
    limits: Limits = Field(default=Limits(), description="what one trial may use; one that uses more fails alone")
    pruning: Pruning | None = Field(default=None, description="when hopeless trials are given up; null for never")
    checkpoint_seconds: float = Field(
        default=30.0, gt=0, description="how often the state of a trial's training is kept, to go on from after a kill"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.learning_rates is not None and self.learning_rates[0] > self.learning_rates[1]:
            raise ValueError(f"learning_rates with the lower first, not {list(self.learning_rates)}")
        for what, values in (
            ("families", tuple(plan.family for plan in self.families)),
            ("baselines", self.baselines),
            ("densities", self.densities),
            ("weights", self.weights),
            ("finish", self.finish),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"{what} that differ from each other, not {list(values)}")
        return self

    def plan(self, family: str) -> FamilyPlan:
        """The plan of one of its families."""
        return next(plan for plan in self.families if plan.family == family)

    def training_of(self, family: str) -> TrainingConfig:
        """``training`` with what the family changes of it.

        Raises:
            WeightloomError: a change is unknown or out of range.
        """
        changes = self.plan(family).training
        if "mode" in changes:
            raise WeightloomError(
                f"key 'families.{family}.training.mode': expected no mode here, got {changes['mode']!r}; "
                f"set families.{family}.modes"
            )
        try:
            return TrainingConfig.model_validate({**self.training.model_dump(), **changes})
        except ValidationError as error:
            raise WeightloomError(explain(error, TrainingConfig, f"families.{family}.training.")) from error

    def to_yaml(self) -> str:
        """YAML with every key; `resolve` reads it back."""
        return to_yaml(self.model_dump(mode="json"))


class BenchConfig(SweepConfig):
    """A sweep's settings as a protocol: every family's first trial, on zoos of every kind, several times."""

    kinds: tuple[Kind, ...] = Field(
        default=("independent", "shared-base", "trajectory"), min_length=1, description="kinds of zoo"
    )
    repeats: int = Field(default=3, ge=1, le=100, description="zoos of each kind, each with seeds of its own")


def resolve(preset: str, changes: dict[str, Any] | None = None) -> SweepConfig:
    """The configuration of a preset or YAML file with dotted keys changed, wholly checked.

    Raises:
        WeightloomError: a name, key, type or range that is not allowed; names the key and what is.
    """
    return resolve_as(SweepConfig, preset, changes or {})


def resolve_as(model: type[C], preset: str, changes: dict[str, Any]) -> C:
    """The same for any kind of configuration; that of a sweep is a bench's, too."""
    content = read_preset(preset)
    if "name" not in content and not preset.endswith((".yaml", ".yml")):
        content = {"name": preset, **content}
    return checked(override(content, changes), model)


def with_generators(config: C, names: Sequence[str]) -> C:
    """The configuration with these families alone; one that has no plan in it gets the defaults.

    Raises:
        UnknownName: no such family is installed.
        WeightloomError: there is not one name.
    """
    from sweeps.names import families

    if not names:
        raise WeightloomError(f"generators: expected one or more of {', '.join(families())}, got none")
    for name in names:
        if name not in families():
            raise UnknownName("family", name, families())
    plans = {plan.family: plan for plan in config.families}
    chosen = tuple(plans.get(name, FamilyPlan(family=name)) for name in dict.fromkeys(names))
    return config.model_copy(update={"families": chosen})


def checked(content: dict[str, Any], model: type[C]) -> C:
    """``content`` as a configuration in which every name is known and every range respected."""
    from sweeps.names import check_names

    try:
        config = model.model_validate(content)
    except ValidationError as error:
        raise WeightloomError(explain(error, model)) from error
    _no_truth_for_numbers(content, config.model_dump())
    check_names(config)
    return config


def read_config(path: Path) -> SweepConfig:
    """The configuration saved with a sweep."""
    return resolve(str(path))


def _no_truth_for_numbers(given: Any, taken: Any, key: str = "") -> None:
    """Refuse ``yes`` and ``true`` where a number stands; pydantic would take them for 1."""
    if isinstance(given, bool) and not isinstance(taken, bool):
        raise WeightloomError(f"key {key!r}: expected a number, got {given!r}")
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            _no_truth_for_numbers(value, taken.get(name), f"{key}.{name}" if key else name)
    elif isinstance(given, list) and isinstance(taken, tuple):
        for place, (value, own) in enumerate(zip(given, taken, strict=True)):
            _no_truth_for_numbers(value, own, f"{key}.{place}")


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """The first mistake in one line; for an unknown key the nearest known one."""
    first = error.errors(include_url=False)[0]
    loc = tuple(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return one_line(error).replace("key '", f"key '{prefix}", 1) if prefix else one_line(error)
    known = sorted(_fields(model, loc[:-1]))
    near = difflib.get_close_matches(loc[-1], known, n=1, cutoff=0.4)
    hint = f" Did you mean {'.'.join((*loc[:-1], near[0]))!r}?" if near else ""
    key = prefix + ".".join(loc)
    return f"unknown key {key!r}.{hint} Known: {', '.join(known)}."


def _fields(model: type[BaseModel], path: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the keys at ``path``."""
    for part in path:
        if part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return tuple(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, Union, UnionType):
        for argument in get_args(annotation):
            found = _model_in(argument)
            if found is not None:
                return found
    return None
