"""What a user may demand of architectures, as data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.operations import FOREIGN, OPERATIONS

WORK = ("dense", "gated_dense", "conv", "pool", "squeeze_excite", "attention", "recurrent", "layer")
"""Operations that count for depth (of a user's layers those with parameters); joins, norms, activations, the mean over
all positions and the like do not."""
LOOKED_THROUGH = (
    *("add", "concat", "multiply", "either", "norm", "activation", "identity", "zero"),
    *("flatten", "global_pool", "position"),
)
"""What ``end_in`` looks through, unless it is what is asked for."""
WORDS = tuple(name for name in (*OPERATIONS, *FOREIGN) if name not in ("input", "sequence", "image", "result"))
_FORBIDDEN = re.compile(r"(?P<operation>\w+)(?:\s+before\s+(?P<unit>\w+)\s+(?P<before>\d+))?")
_FORM = "an operation, or such as 'attention before stage 2'"


@dataclass(frozen=True)
class Forbidden:
    """An operation that must not be there, or not yet.

    Attributes:
        operation: one of `WORDS`.
        before: the first depth or stage where it is allowed; 0 forbids it everywhere.
        unit: ``depth``: that of a node is the number of operations of `WORK` on the longest path from the data to it,
            itself included. ``stage``: one begins where a sequence or image gets fewer positions; a node is in the
            stage of what it reads, the data are in stage 1.
    """

    operation: str
    before: int = 0
    unit: Literal["depth", "stage"] = "stage"

    def __post_init__(self) -> None:
        _check_word("forbid", self.operation)

    def __str__(self) -> str:
        return self.operation + (f" before {self.unit} {self.before}" if self.before else "")

    @classmethod
    def of(cls, text: Any) -> Forbidden:
        """Read ``str``'s form: ``attention``, ``attention before stage 2``, ``pool before depth 3``."""
        found = _FORBIDDEN.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None:
            raise WeightloomError(f"rules: forbid: expected {_FORM}, got {text!r}")
        if found["unit"] is None:
            return cls(found["operation"])
        if found["unit"] not in ("depth", "stage"):
            raise UnknownName("word behind 'before' in rules", found["unit"], ("depth", "stage"))
        return cls(found["operation"], int(found["before"]), "depth" if found["unit"] == "depth" else "stage")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What every architecture has to keep; without arguments nothing.

    Attributes:
        forbid: operations that must not be there.
        contain: operations of each of which there must be at least one.
        end_in: all that the classifier reads must come from this operation: going back from the last node over
            `LOOKED_THROUGH`, it is what is met first on every way.
        min_depth, max_depth: operations of `WORK` on the longest path from the data to the output, the classifier
            included.
        max_parameters: scalar parameters.
        max_flops: floating-point operations for one example, see ``operations.flops``.
    """

    forbid: tuple[Forbidden, ...] = ()
    contain: tuple[str, ...] = ()
    end_in: str | None = None
    min_depth: int | None = None
    max_depth: int | None = None
    max_parameters: int | None = None
    max_flops: int | None = None

    def __post_init__(self) -> None:
        for word in self.contain:
            _check_word("contain", word)
        if self.end_in is not None:
            _check_word("end_in", self.end_in)
        if self.min_depth is not None and self.max_depth is not None and self.min_depth > self.max_depth:
            raise WeightloomError(
                f"rules: expected a min_depth of at most max_depth, got {self.min_depth} and {self.max_depth}"
            )

    @classmethod
    def of(cls, data: Any) -> Rules:
        """Read ``to_dict``'s form, as a YAML or JSON file has it; a single word may stand for a list of one.

        Raises:
            UnknownName: a rule or an operation is unknown; lists those there are.
            WeightloomError: a value is not what its rule expects.
        """
        if not isinstance(data, Mapping):
            raise WeightloomError(f"rules: expected rules and their values such as max_depth: 8, got {data!r}")
        known = [field.name for field in dataclasses.fields(cls)]
        read: dict[str, Any] = {}
        for name, value in data.items():
            if name not in known:
                raise UnknownName("rule", str(name), known)
            if value is None:
                continue
            if name == "forbid":
                read[name] = tuple(Forbidden.of(entry) for entry in _several(value))
            elif name == "contain":
                read[name] = tuple(_word(name, entry) for entry in _several(value))
            else:
                read[name] = _word(name, value) if name == "end_in" else _number(name, value)
        return cls(**read)

    def to_dict(self) -> dict[str, Any]:
        """The rules that were stated, as plain data."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                value = [str(entry) for entry in value] or None
            if value is not None:
                found[field.name] = value
        return found

    def within(self, flops: float | None) -> Rules:
        """The same, and besides not more than so many FLOPs."""
        if flops is None:
            return self
        most = int(flops) if self.max_flops is None else min(self.max_flops, int(flops))
        return dataclasses.replace(self, max_flops=most)

    def __bool__(self) -> bool:
        return self != Rules()

    def __str__(self) -> str:
        words = [f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in self.to_dict().items()]
        return "; ".join(words) or "none"


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_word(rule: str, word: str) -> None:
    if word not in WORDS:
        raise UnknownName(f"operation in rule {rule!r}", word, WORDS)


def _word(rule: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WeightloomError(f"rules: {rule}: expected an operation such as 'pool', got {value!r}")
    return value


def _number(rule: str, value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or value < 1:
        raise WeightloomError(f"rules: {rule}: expected an integer of at least 1, got {value!r}")
    return int(value)
