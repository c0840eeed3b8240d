"""Presets by name: each is a YAML file in this folder, described by the comment on its first line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from search_spaces.errors import UnknownName
from sweeps.reading import parse, read_yaml


def preset_names() -> tuple[str, ...]:
    """All presets that are shipped, sorted."""
    names = (Path(entry.name) for entry in resources.files(__name__).iterdir())
    return tuple(sorted(path.stem for path in names if path.suffix == ".yaml"))


def describe_preset(name: str) -> str:
    """What a preset is for, in one line."""
    return _text(name).split("\n", 1)[0].removeprefix("#").strip()


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset, or of a YAML file if ``name`` ends in ``.yaml`` or ``.yml``.

    Raises:
        UnknownName: no such preset; names the nearest.
        WeightloomError: no such file, or it is no mapping in YAML.
    """
    if name.endswith((".yaml", ".yml")):
        return read_yaml(name)
    return parse(_text(name), f"preset {name}")


def _text(name: str) -> str:
    if name not in preset_names():
        raise UnknownName("preset", name, preset_names())
    return resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
