"""Plug-ins by name: one table per kind, filled from installed entry points, loaded only when asked for."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from search_spaces.errors import UnknownName, WeightloomError


@dataclass(frozen=True)
class Registry:
    """Names of one kind of plug-in.

    Attributes:
        kind: the word for error messages, such as ``space``.
        group: the entry-point group, such as ``weightloom.spaces``.
    """

    kind: str
    group: str

    def names(self) -> tuple[str, ...]:
        """All installed names, sorted; imports nothing.

        Raises:
            WeightloomError: two installed packages offer the same name.
        """
        return tuple(sorted(_points(self.kind, self.group)))

    def load(self, name: str) -> Any:
        """Import and return what is registered as ``name``; ``UnknownName`` lists the choices."""
        points = _points(self.kind, self.group)
        if name not in points:
            raise UnknownName(self.kind, name, points)
        try:
            return points[name].load()
        except Exception as error:  # a plug-in's code may do anything
            raise WeightloomError(
                f"{self.kind} {name!r}: expected {points[name].value} to be importable, got "
                f"{type(error).__name__}: {error}; "
                "install or repair the package that offers it"
            ) from error

    def describe(self, name: str) -> str:
        """First line of the docstring, read from the source without importing it; empty if not found."""
        points = _points(self.kind, self.group)
        if name not in points:
            raise UnknownName(self.kind, name, points)
        point = points[name]
        source = _source(point.module)
        if source is None:
            return ""
        try:
            tree = ast.parse(source.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError):  # a broken plug-in must not break the list
            return ""
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == point.attr:
                return (ast.get_docstring(node) or "").split("\n")[0]
        return ""


SPACES = Registry("space", "weightloom.spaces")


@cache
def _points(kind: str, group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if point.name in found and found[point.name].value != point.value:
            raise WeightloomError(
                f"{kind} {point.name!r} is registered twice: {found[point.name].value} and {point.value}; "
                "uninstall one of the packages or rename its entry point"
            )
        found[point.name] = point
    return found


def _source(module: str) -> Path | None:
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder).joinpath(*rest)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.exists():
                return candidate
    return None
