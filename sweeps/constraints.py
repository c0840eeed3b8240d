"""What a sweep's networks may cost: limits that a trial keeps or exceeds, told to Optuna as constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.trial import FrozenTrial
from pydantic import BaseModel, ConfigDict, Field


class Constraints(BaseModel):
    """Limits on active parameters; unknown keys are errors.

    Active parameters are those of the compacted network that are not zero, mean over the networks of a trial for the
    validation architectures. A trial that exceeds a limit is finished and recorded all the same, but it is not on the
    Pareto front, the sampler learns to avoid its like (Watanabe & Hutter 2023, c-TPE, arXiv:2211.14411), and it is
    shown or exported only where no trial keeps the limits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_active_parameters: float | None = Field(default=None, gt=0, description="most active parameters of a network")
    max_active_share: float | None = Field(
        default=None, gt=0, le=1, description="the same as a share of the parameters of the dense networks"
    )

    def excess(self, active: float, dense: float) -> dict[str, float]:
        """For each limit that is set by what share it is exceeded; 0 or less where it is kept.

        Args:
            active: mean active parameters of a trial's networks.
            dense: mean parameters of the same networks when nothing is taken away.
        """
        spent = {"max_active_parameters": active, "max_active_share": active / dense}
        return {name: spent[name] / limit - 1 for name, limit in self.given.items()}

    @property
    def given(self) -> dict[str, float]:
        """The limits that are set."""
        return {name: limit for name, limit in self.model_dump().items() if limit is not None}


def exceeded(trial: FrozenTrial) -> float:
    """By what share a trial exceeds the limit that it exceeds most; 0 where it keeps all, or there are none."""
    values: Mapping[str, float] = trial.constraints
    return max(0.0, *values.values()) if values else 0.0


def nearest(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that keep all limits; where there are none, those that exceed them least."""
    least = min(map(exceeded, trials))
    return [trial for trial in trials if exceeded(trial) == least]
