"""The state of a training that was cut off, so that it goes on as if nothing had been: tensors and JSON, no pickle."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from generators.folders import plain
from search_spaces import DamagedFile
from search_spaces.files import read_bytes, write_bytes

SCHEMA = 1
_HEAD = 64  # hexadecimal digits of the checksum, before all else


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
        data = save(plain(state.tensors), {"weightloom": json.dumps(head)})
        write_bytes(self.path, hashlib.sha256(data).hexdigest().encode() + data)
        self._last = time.monotonic()

    def read(self) -> State | None:
        """The state that was kept; None if there is none, or one of another training.

        Raises:
            DamagedFile: it was altered; remove it to begin anew.
        """
        if not self.path.exists():
            return None
        data = read_bytes(self.path, "checkpoint")
        body = data[_HEAD:]
        if hashlib.sha256(body).hexdigest().encode() != data[:_HEAD]:
            raise DamagedFile(f"{self.path}: expected a whole checkpoint, got an altered file; remove it to begin anew")
        try:
            tensors = load(body)
            size = int.from_bytes(body[:8], "little")
            head = json.loads(json.loads(body[8 : 8 + size])["__metadata__"]["weightloom"])
        except (SafetensorError, ValueError, KeyError) as error:
            raise DamagedFile(f"{self.path}: expected a checkpoint, got {error}; remove it to begin anew") from error
        if (head["schema"], head["identity"]) != (SCHEMA, self.identity):
            return None
        return State(
            phase=head["phase"],
            step=head["step"],
            done=head["done"],
            seconds=head["seconds"],
            curve=tuple((name, step, loss) for name, step, loss in head["curve"]),
            tensors=tensors,
            plain=head["plain"],
        )


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as tensors and plain numbers."""
    state = optimizer.state_dict()
    tensors = {
        f"optimizer.{place}.{name}": value for place, own in state["state"].items() for name, value in own.items()
    }
    return tensors, {"groups": state["param_groups"]}


def load_optimizer(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Put back what `optimizer_state` took."""
    own: dict[int, dict[str, Tensor]] = {}
    for key, value in state.tensors.items():
        kind, *rest = key.split(".", 2)
        if kind == "optimizer":
            own.setdefault(int(rest[0]), {})[rest[1]] = value
    optimizer.load_state_dict({"state": own, "param_groups": state.plain["groups"]})


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
