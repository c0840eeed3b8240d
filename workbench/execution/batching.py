"""Which networks to run together."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces import Blueprint
from workbench.execution.stacked import stackable, stacking_key


def batches(blueprints: Sequence[Blueprint], at_once: int) -> list[list[int]]:
    """All networks in batches of at most ``at_once``, each of one kind.

    Networks that stack come first, like-sized ones together to save padding; then all others, those of equal
    architecture together.
    """
    dense = [i for i, blueprint in enumerate(blueprints) if stackable([blueprint])]
    others = sorted(
        set(range(len(blueprints))) - set(dense), key=lambda i: (blueprints[i].parameter_count, blueprints[i].key, i)
    )
    dense.sort(key=lambda i: (stacking_key(blueprints[i]), i))
    return [part[start : start + at_once] for part in (dense, others) for start in range(0, len(part), at_once)]
