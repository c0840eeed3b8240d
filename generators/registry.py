"""Generators by name: the table of plug-ins, and making one from plain settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from generators.generator import Generator, GeneratorConfig
from search_spaces import Registry, WeightloomError

GENERATORS = Registry("generator", "weightloom.generators")


def make_generator(name: str | type[Generator], settings: Mapping[str, Any]) -> Generator:
    """A fresh generator with ``settings``; what is left out has its default.

    Args:
        name: as registered, or the class itself, registered or not.
        settings: of its ``Config``.

    Raises:
        UnknownName: no such generator; lists those there are.
        WeightloomError: an unknown setting or a value that is not allowed, in one line.
    """
    kind: type[Generator] = GENERATORS.load(name) if isinstance(name, str) else name
    return kind(make_config(kind.name, kind.Config, settings))


def make_config(name: str, kind: type[GeneratorConfig], settings: Mapping[str, Any]) -> GeneratorConfig:
    """``settings`` as a checked config; raises like `make_generator`."""
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "settings"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        known = sorted(kind.model_fields)
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            message = f"unknown setting {key!r}, got {_short(first['input'])}.{hint} Allowed: {', '.join(known)}."
        elif first["type"] == "missing":
            message = f"expected a value for {key!r}, got none"
        else:
            allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            message = f"{key} must be {' '.join(allowed.split())}, got {_short(first['input'])}"
        raise WeightloomError(f"generator {name}: {message}{more}") from error


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
