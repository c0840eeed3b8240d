"""What a sweep optimises, measured on validation architectures and validation data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from workbench.summary import shown

OBJECTIVES: dict[str, Literal["maximize", "minimize"]] = {
    "fidelity": "maximize",
    "collapse": "minimize",
    "active_parameters": "minimize",
}
"""Objective of `workbench.experiment.Outcome` → direction; the order in the study."""

NAMES = tuple(OBJECTIVES)
DIRECTIONS = list(OBJECTIVES.values())


def by_name(values: list[float] | None) -> dict[str, float]:
    """A trial's values as objective → value; empty for a trial without."""
    return dict(zip(NAMES, values or (), strict=False))


def figures(objectives: Mapping[str, float]) -> str:
    """Objectives in a line for people."""
    return ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in objectives.items())
