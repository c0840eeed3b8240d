"""The state of a training that was cut off, so that it goes on as if nothing had been: tensors and JSON, no pickle."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from search_spaces import DamagedFile
from search_spaces.errors import in_one_line
from workbench.sealed import read_sealed, write_sealed

SCHEMA = 2


@dataclass(frozen=True, kw_only=True)
class State:
    """All that decides what the next step does.

    Attributes:
        phase: place of the phase that runs.
        step: steps done of it.
        done: steps done in phases before it.
        seconds: spent so far.
        curve: (phase, step, loss) so far.
        tensors: by ``module.NAME``, ``optimizer.PARAMETER.NAME``, ``random.NAME``.
        plain: numbers of optimizer and schedule.
    """

    phase: int
    step: int
    done: int
    seconds: float
    curve: tuple[tuple[str, int, float], ...]
    tensors: dict[str, Tensor]
    plain: dict[str, Any]


class _Head(BaseModel):
    """What stands in the metadata of the file."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(alias="schema")
    identity: str
    phase: int = Field(ge=0)
    step: int = Field(ge=0)
    done: int = Field(ge=0)
    seconds: float = Field(ge=0)
    curve: tuple[tuple[str, int, float], ...]
    plain: dict[str, Any]


@dataclass
class Checkpoint:
    """Where and how often the state of one training is kept.

    Attributes:
        path: of the file, replaced whole each time.
        identity: of what is trained; the state of anything else is not gone on from.
        every: seconds between two.
        wanted: whether to keep one after this step, whatever the time.
    """

    path: Path
    identity: str
    every: float = 30.0
    wanted: Callable[[], bool] = lambda: False
    _last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time for another."""
        return self.wanted() or time.monotonic() - self._last >= self.every

    def write(self, state: State) -> None:
        """Keep a state in place of the last one.

        Raises:
            WeightloomError: the file cannot be written.
        """
        head = {
            "schema": SCHEMA,
            "identity": self.identity,
            "phase": state.phase,
            "step": state.step,
            "done": state.done,
            "seconds": state.seconds,
            "curve": state.curve,
            "plain": state.plain,
        }
        write_sealed(self.path, state.tensors, head)
        self._last = time.monotonic()

    def read(self) -> State | None:
        """The state that was kept; None if there is none, or one of another training.

        Raises:
            DamagedFile: it was altered; remove it to begin anew.
        """
        if not self.path.exists():
            return None
        tensors, head = read_sealed(self.path, "checkpoint", "remove it to begin anew")
        if (head.get("schema"), head.get("identity")) != (SCHEMA, self.identity):
            return None
        try:
            known = _Head.model_validate(head)
        except ValidationError as error:
            reason = in_one_line(error)
            raise DamagedFile(f"{self.path}: expected a checkpoint, got {reason}; remove it to begin anew") from error
        return State(tensors=tensors, **known.model_dump(exclude={"schema_version", "identity"}))


@contextmanager
def put_back() -> Iterator[None]:
    """While the parts of a state go where they belong; raises ``DamagedFile`` for those of another training."""
    try:
        yield
    except (KeyError, ValueError, TypeError, RuntimeError, IndexError, OverflowError) as error:
        reason = in_one_line(error)
        raise DamagedFile(
            f"checkpoint: expected that of this training, got {reason}; remove it to begin anew"
        ) from error


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as tensors and plain numbers."""
    state = optimizer.state_dict()
    tensors = {
        f"optimizer.{place}.{name}": value for place, own in state["state"].items() for name, value in own.items()
    }
    return tensors, {"groups": state["param_groups"]}


def go_on(optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LambdaLR, state: State) -> None:
    """Put a state into optimizer, schedule and random streams; raises ``DamagedFile`` for that of another training."""
    with put_back():
        load_optimizer(optimizer, state)
        load_schedule(schedule, state)
        load_random_state(state)


def load_optimizer(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Put back what `optimizer_state` took.

    Raises:
        ValueError: it is not of this optimizer.
    """
    own: dict[int, dict[str, Tensor]] = {}
    for key, value in state.tensors.items():
        kind, *rest = key.split(".", 2)
        if kind == "optimizer":
            own.setdefault(int(rest[0]), {})[rest[1]] = value
    groups = state.plain["groups"]
    _check_form(groups, json.loads(json.dumps(optimizer.state_dict()["param_groups"])))
    optimizer.load_state_dict({"state": own, "param_groups": groups})


def load_schedule(schedule: torch.optim.lr_scheduler.LambdaLR, state: State) -> None:
    """Put back its numbers; raises ``ValueError`` for those of another one."""
    kept = state.plain["schedule"]
    fresh = {name: value for name, value in schedule.state_dict().items() if name != "lr_lambdas"}
    _check_form(kept, json.loads(json.dumps(fresh)))
    schedule.load_state_dict({**kept, "lr_lambdas": [None]})


def _check_form(value: Any, like: Any) -> None:
    """Raise ``ValueError`` unless keys, lengths and kinds are those of ``like``, all the way down."""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (value, like))
    if not numbers and type(value) is not type(like):
        raise ValueError(f"{str(value)[:60]} where something like {str(like)[:60]} belongs")
    if isinstance(like, dict):
        if set(value) != set(like):
            raise ValueError(f"other keys than {', '.join(map(str, like))}")
        for key in like:
            _check_form(value[key], like[key])
    elif isinstance(like, list):
        for mine, own in zip(value, like, strict=True):
            _check_form(mine, own)


def random_state() -> dict[str, Tensor]:
    """Of torch's, NumPy's and Python's own streams."""
    _, keys, place, has_gauss, gauss = np.random.get_state(legacy=True)
    version, own, normal = random.getstate()
    assert version == 3
    return {
        "random.torch": torch.get_rng_state(),
        "random.numpy": torch.tensor([*map(int, keys), int(place), int(has_gauss)], dtype=torch.int64),
        "random.numpy_normal": torch.tensor([gauss], dtype=torch.float64),
        "random.python": torch.tensor(own, dtype=torch.int64),
        "random.python_normal": torch.tensor([] if normal is None else [normal], dtype=torch.float64),
    }


def load_random_state(state: State) -> None:
    """Put back what `random_state` took."""
    torch.set_rng_state(state.tensors["random.torch"])
    *keys, place, has_gauss = state.tensors["random.numpy"].tolist()
    np.random.set_state(
        ("MT19937", np.array(keys, dtype=np.uint32), place, has_gauss, state.tensors["random.numpy_normal"].item())
    )
    normal = state.tensors["random.python_normal"].tolist()
    random.setstate((3, tuple(state.tensors["random.python"].tolist()), normal[0] if normal else None))
