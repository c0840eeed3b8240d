"""Which networks to run together."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces import Blueprint
from workbench.execution.stacked import stackable

OTHERS_AT_ONCE = 32
"""Networks that do not stack run one architecture after another, so that large batches of them gain nothing."""


def kinds(blueprints: Sequence[Blueprint]) -> tuple[list[int], list[int]]:
    """Which networks stack, and which do not."""
    dense = [i for i, blueprint in enumerate(blueprints) if stackable([blueprint])]
    return dense, sorted(set(range(len(blueprints))) - set(dense))


def batches(blueprints: Sequence[Blueprint], at_once: int) -> list[list[int]]:
    """All networks in batches of at most ``at_once``, each of one kind.

    Networks that stack come first, those of one depth and alike in width together to save padding; then all others,
    those of equal architecture together.
    """
    dense, others = kinds(blueprints)
    by_depth: dict[int, list[int]] = {}
    for i in sorted(dense, key=lambda i: (_first_width(blueprints[i]), blueprints[i].parameter_count, i)):
        by_depth.setdefault(len(blueprints[i].architecture.nodes), []).append(i)
    others.sort(key=lambda i: (blueprints[i].parameter_count, blueprints[i].key, i))
    found: list[list[int]] = []
    for members in [*(part for _, part in sorted(by_depth.items())), others]:
        most = at_once if members is not others else min(at_once, OTHERS_AT_ONCE)
        count = -(-len(members) // most)
        size = -(-len(members) // max(1, count))
        found.extend(members[start : start + size] for start in range(0, len(members), max(1, size)))
    return found


def _first_width(blueprint: Blueprint) -> int:
    """Neurons of the first layer, which has most of the weights."""
    return next(spec.shape[0] for spec in blueprint.parameters)
