"""``summary.json``: the one record of a run, from which table, report and tracking are made.

Every key, unit and direction is described in ``docs/summary.md``.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from search_spaces.errors import DamagedFile, WeightloomError
from workbench import files

if TYPE_CHECKING:
    from workbench.metrics.intervals import Interval

SUPPORTED = (1,)
FILE_NAME = "summary.json"
MISSING = "\N{EN DASH}"


def _none_if_not_finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _iso(value: str) -> str:
    datetime.fromisoformat(value)
    return value


Number = Annotated[float, Field(allow_inf_nan=False)]
Measured = Annotated[float | None, BeforeValidator(_none_if_not_finite)]
"""A measured figure; ``None`` where there is none. NaN and infinity become ``None``, as in the file."""
Scalar = int | Number | str
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Estimate(Record):
    """A mean with its 95 % bootstrap interval over ``n`` independent measurements."""

    mean: Measured
    low: Measured = None
    high: Measured = None
    n: Count

    @classmethod
    def of(cls, interval: Interval) -> Estimate:
        """A measured interval as a record."""
        return cls(mean=interval.mean, low=interval.low, high=interval.high, n=interval.n)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"an interval whose low {self.low:g} is not above its high {self.high:g}")
        return self


class Spend(Record):
    """What a generator's training was given."""

    steps: Count
    seconds: Number


class Verdict(Record):
    """One label (``copy``, ``contraction``, ``off-manifold``, ``collapsed``, ``novel``) and why."""

    label: str
    reason: str


class ArchitectureRow(Record):
    """One test architecture: the score with generated weights beside the score after real training."""

    key: str
    name: str
    parameters: Count
    score: Measured
    real_score: Number
    fidelity: Measured
    collapse: Measured
    max_iou: Measured


class CurvePoint(Record):
    """One point of score against sparsity; ``kind`` says what was taken away."""

    source: Literal["generated", "magnitude", "real-magnitude"]
    kind: Literal["neurons", "weights"] = "neurons"
    sparsity: Number
    mean: Number
    low: Number
    high: Number


class GeneratorSummary(Record):
    """One row of the comparison: a family, a baseline, or the really trained networks."""

    kind: Literal["family", "baseline", "real"]
    family: str
    mode: str | None = None
    trial: int | None = None
    config: dict[str, Any] = {}
    budget: Spend
    metrics: dict[str, Estimate]
    verdict: list[Verdict] = []
    architectures: list[ArchitectureRow] = []
    repeats: Annotated[int, Field(ge=1)] = 1
    sparsity_curve: list[CurvePoint] = []
    overlap: list[list[Measured]] = []

    @model_validator(mode="after")
    def _square(self) -> Self:
        if any(len(row) != len(self.overlap) for row in self.overlap):
            raise ValueError("an overlap matrix with as many columns as rows")
        return self

    def mean(self, metric: str) -> float | None:
        """The mean of one metric, or ``None`` where it was not measured."""
        estimate = self.metrics.get(metric)
        return None if estimate is None else estimate.mean


class FrontierPoint(Record):
    """A noise baseline at one noise level ``sigma``: what novelty costs without any learning."""

    baseline: Literal["noise", "noise-oracle"]
    sigma: Number
    score: Number
    max_iou: Number
    spread: Number


class BriefPoint(Record):
    """Networks really trained for a few steps with the best learning rate for so many: what a generator competes with.

    ``milliseconds``: of training, for one network of many that are trained side by side.
    """

    steps: Count
    learning_rate: Number
    milliseconds: Number
    fidelity: Estimate
    collapse: Estimate | None = None
    valid: Estimate


class TrialSummary(Record):
    """One trial of the sweep, also a failed one, with the reason; ``within``: whether it keeps the sweep's limits."""

    number: Count
    family: str
    mode: str
    state: Literal["complete", "failed", "pruned", "running"]
    values: dict[str, Measured] = {}
    within: bool | None = None
    params: dict[str, Any] = {}
    seconds: Number
    reason: str | None = None


class ParetoPoint(Record):
    """One trial on the Pareto front, with the values of its objectives."""

    trial: Count
    family: str
    values: dict[str, Measured]


class NetworkCost(Record):
    """What a network costs; ``ms_1`` and ``ms_64`` are median milliseconds for batches of 1 and 64 examples."""

    parameters: Count
    flops: Count
    bytes: Count
    ms_1: Measured = None
    ms_64: Measured = None


class ExportRecord(Record):
    """One exported network; ``difference`` = largest absolute difference of outputs after the round trip.

    ``weights_as`` says how weights were rounded, ``score_as_float`` what the network scored before; ``norm`` and
    ``lipschitz`` what it reaches of its limits; ``opset`` is the version of ONNX's operators; ``bytes`` is the
    size of the file; ``before`` and ``after`` compaction are what the network costs. None in records from before they
    were measured.
    """

    path: str
    format: str
    sha256: str
    generator: str
    architecture: str
    score: Number
    weights_as: str = "float32"
    score_as_float: Measured = None
    norm: Measured = None
    lipschitz: Measured = None
    difference: Measured = None
    opset: Count | None = None
    bytes: Count | None = None
    before: NetworkCost | None = None
    after: NetworkCost | None = None


class Summary(Record):
    """All that a run found out; see ``docs/summary.md``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    task: str
    space: str
    created: Annotated[str, AfterValidator(_iso)]
    seconds: Number
    seed: int
    versions: dict[str, str]
    budget: dict[str, Scalar]
    zoo: dict[str, Scalar]
    generators: dict[str, GeneratorSummary]
    frontier: list[FrontierPoint] = []
    brief: list[BriefPoint] = []
    trials: list[TrialSummary] = []
    pareto: list[ParetoPoint] = []
    exports: list[ExportRecord] = []

    def of_kind(self, kind: str) -> dict[str, GeneratorSummary]:
        """The generators of one kind, in the order of the file."""
        return {name: generator for name, generator in self.generators.items() if generator.kind == kind}

    def write(self, folder: str | Path) -> Path:
        """Write ``summary.json`` into ``folder`` atomically and return its path."""
        return files.write_json(Path(folder) / FILE_NAME, self.model_dump(by_alias=True))

    @classmethod
    def read(cls, path: str | Path) -> Summary:
        """Read a summary from its file or from the folder of its run.

        Raises:
            WeightloomError: there is no such file, or its schema version is not supported.
            DamagedFile: the file is not JSON or does not match the schema.
        """
        path = Path(path)
        if path.is_dir() or path.suffix != ".json":
            path = path / FILE_NAME
        if path.parent.is_file():
            raise WeightloomError(f"{path.parent}: expected the folder of a run or its {FILE_NAME}, got another file")
        begun = (path.parent / "config.yaml").exists()
        end = "the run has not come to its end: go on with --resume, `weightloom sweep --status RUN` says how it stands"
        begin = "make a run first: `weightloom sweep --help` shows how"
        content = files.read_json(path, remedy=end if begun else begin)
        if not isinstance(content, dict):
            raise DamagedFile(f"{path}: expected a JSON object, got {_short(content)}; {_REMEDY}")
        if content.get("schema") not in SUPPORTED or isinstance(content["schema"], bool):
            known = ", ".join(map(str, SUPPORTED))
            raise WeightloomError(
                f"{path}: expected schema version {known}, got {_short(content.get('schema'))}; "
                "read it with the weightloom that wrote it, or make the run again"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise DamagedFile(f"{path}: {one_line(error)}; {_REMEDY}") from error


def shown(value: float | None) -> str:
    """A figure for people: three decimals or three significant digits, ``–`` for none."""
    if value is None:
        return MISSING
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if size >= 10 or 0 < size < 0.001 else f"{value:.3f}"


def interval(estimate: Estimate | None) -> str:
    """``0.953 [0.948, 0.957]``, or the mean alone where there is no interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return shown(None if estimate is None else estimate.mean)
    return f"{shown(estimate.mean)} [{shown(estimate.low)}, {shown(estimate.high)}]"


_REMEDY = "restore the file or make the run again"


def one_line(error: ValidationError) -> str:
    """The first mistake of a pydantic error in one line: key, what was expected, what was got."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not _is_branch(part)) or "the whole"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"key {_short(key)}: expected only known keys, got one that the schema does not know{more}"
    if first["type"] == "missing":
        return f"key {_short(key)}: expected a value, got no such key{more}"
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"key {_short(key)}: expected {' '.join(expected.split())}, got {_short(first['input'])}{more}"


def _is_branch(part: int | str) -> bool:
    """Whether a part of a location is pydantic's name for a branch of a union and no key."""
    return isinstance(part, str) and (part in {"int", "float", "str"} or part.startswith("constrained-"))


def _short(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
