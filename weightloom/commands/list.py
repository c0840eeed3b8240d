"""``weightloom list``: what there is, by name. Imports neither torch nor a plug-in."""

from __future__ import annotations

from weightloom.commands.options import Json
from weightloom.terminal import print_json, print_pairs

REGISTRIES = {
    "spaces": ("space", "weightloom.spaces"),
    "generators": ("generator", "weightloom.generators"),
    "tasks": ("task", "weightloom.tasks"),
    "methods": ("search method", "weightloom.methods"),
}


KINDS = (*REGISTRIES, "tables", "metrics", "presets")


def list_names(kind: str | None = None, /, *, json: Json = False) -> int:
    """List what there is of a kind, or of all kinds, with a line about each.

    **Example:** `weightloom list presets`

    Args:
        kind: spaces, generators, tasks, tables, methods, metrics or presets; by default all of these.
        json: Print one JSON object on stdout: name to description, kind by kind if several.
    """
    found = {one: described(one) for one in ([kind] if kind else KINDS)}
    if json:
        print_json(found[kind] if kind else found)
        return 0
    for place, (one, names) in enumerate(found.items()):
        if not kind:
            print(f"{one}:" if place == 0 else f"\n{one}:")
        print_pairs(list(names.items()))
    return 0


def described(kind: str) -> dict[str, str]:
    """Name → one line, for one kind."""
    from search_spaces.errors import UnknownName
    from search_spaces.registry import Registry

    if kind in REGISTRIES:
        registry = Registry(*REGISTRIES[kind])
        return {name: registry.describe(name) for name in registry.names()}
    if kind == "metrics":
        from workbench.metrics.registry import METRICS

        return {name: metric.definition for name, metric in METRICS.items()}
    if kind == "presets":
        from sweeps import describe_preset, preset_names

        return {name: describe_preset(name) for name in preset_names()}
    if kind == "tables":
        from search_spaces.tables import TABLES

        return {name: table.about for name, table in TABLES.items()}
    raise UnknownName("kind", kind, KINDS)
