"""Whether everything that a configuration names exists and is allowed where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generators.generator import Generator
from generators.registry import GENERATORS, make_config
from search_spaces import SPACES, UnknownName, WeightloomError
from search_spaces.opening import check_settings
from workbench.tasks import TASKS

if TYPE_CHECKING:
    from sweeps.config import SweepConfig


def check_names(config: SweepConfig) -> None:
    """Check names of task, space and its arguments, families, modes, settings, first trials and baselines.

    Raises:
        WeightloomError: naming the key, and the nearest name that exists.
    """
    from sweeps.proposal import first_parameters

    for registry, name in ((TASKS, config.task), (SPACES, config.space)):
        if name not in registry.names():
            raise UnknownName(registry.kind, name, registry.names())
    check_settings(config.space, config.space_settings)
    for name in config.baselines:
        _kind("baseline", name, "baseline")
    for plan in config.families:
        kind = _kind("family", plan.family, "family")
        for mode in plan.modes:
            if mode not in kind.modes:
                raise WeightloomError(
                    f"key 'families.{plan.family}.modes': expected some of {', '.join(kind.modes)}, got {mode!r}"
                )
        make_config(plan.family, kind.Config, plan.settings)
        config.training_of(plan.family)
        first_parameters(config, plan.family)


def families() -> tuple[str, ...]:
    """Every generator that learns; imports them all."""
    return _of_kind("family")


def _of_kind(kind: str) -> tuple[str, ...]:
    return tuple(name for name in GENERATORS.names() if GENERATORS.load(name).kind == kind)


def _kind(word: str, name: str, kind: str) -> type[Generator]:
    if name not in GENERATORS.names():
        raise UnknownName(word, name, _of_kind(kind))
    found: type[Generator] = GENERATORS.load(name)
    if found.kind != kind:
        raise UnknownName(word, name, _of_kind(kind))
    return found
