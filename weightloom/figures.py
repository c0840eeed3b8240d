"""Figures of a single generator, for the verbs that make or measure one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weightloom.terminal import print_json, print_pairs

if TYPE_CHECKING:
    from workbench.summary import Estimate, Verdict


def show_figures(metrics: Mapping[str, Estimate], verdict: list[Verdict], extra: Mapping[str, Any], json: bool) -> None:
    """Print metrics with their intervals, the verdict and what else there is to say."""
    if json:
        print_json(
            {
                **extra,
                "metrics": {name: value.model_dump(mode="json") for name, value in metrics.items()},
                "verdict": [item.model_dump(mode="json") for item in verdict],
            }
        )
        return
    from workbench.summary import interval

    print_pairs([(name, interval(value)) for name, value in metrics.items()])
    print_pairs([(f"verdict: {item.label}", item.reason) for item in verdict])
    print_pairs([(name, str(value)) for name, value in extra.items()])
