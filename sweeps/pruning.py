"""When a trial is given up: a rule that works with several objectives, where Optuna's own pruners do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial
from pydantic import BaseModel, ConfigDict, Field

from sweeps.objectives import DIRECTIONS, NAMES
from sweeps.repeating import MIDWAY
from workbench.experiment import Midway


class Pruning(BaseModel):
    """When hopeless trials are given up; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(default=1 / 3, gt=0, lt=1, description="share of a trial's steps after which it is judged, once")
    least: int = Field(default=4, ge=2, description="finished trials of its family before any is given up")
    quantile: float = Field(
        default=0.75, gt=0, lt=1, description="of their validation losses at that moment; one that is worse may go"
    )


class Pruned(Exception):
    """A trial is given up; the message says why."""


def judge(plan: Pruning, found: Midway, finished: Sequence[FrozenTrial], family: str) -> str | None:
    """Why a trial is hopeless, or None if it is not.

    It is if, at the same share of their steps, (1) its validation loss is above the ``quantile`` of the finished
    trials of its family and (2) one of those is dominating it: better in one objective and worse in none.

    Args:
        plan: the rule.
        found: what was measured of the trial.
        finished: trials with figures, of all families.
        family: of the trial.
    """
    others = {
        t.number: t.user_attrs[MIDWAY] for t in finished if t.params["family"] == family and MIDWAY in t.user_attrs
    }
    if len(others) < plan.least:
        return None
    bar = float(np.quantile([other["loss"] for other in others.values()], plan.quantile))
    if found.loss <= bar:
        return None
    better = next((number for number, other in others.items() if dominates(other, found.objectives)), None)
    if better is None:
        return None
    return (
        f"after {plan.at:.0%} of its steps its validation loss was {found.loss:.3f}, above {bar:.3f}, the "
        f"{plan.quantile:.0%} quantile of {len(others)} finished trials of {family}, and trial {better} was "
        "worse in no objective"
    )


def record(found: Midway) -> dict[str, float]:
    """What is kept of it with the trial."""
    return {"loss": found.loss, **found.objectives}


def dominates(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
    """Whether ``first`` is worse than ``second`` in no objective and better in one."""
    signs = [1 if direction == "maximize" else -1 for direction in DIRECTIONS]
    ahead = [sign * (first[name] - second[name]) for sign, name in zip(signs, NAMES, strict=True)]
    return min(ahead) >= 0 and max(ahead) > 0
