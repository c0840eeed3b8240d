"""YAML in and out, and dotted overrides such as ``zoo.test=8``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from search_spaces import files
from search_spaces.errors import DamagedFile, WeightloomError, in_one_line
from search_spaces.plain_data import check_plain
from search_spaces.rules import Rules

LONGEST = 2**18
"""Characters of YAML that are read; a configuration has some thousands, and reading takes seconds a megabyte."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes ``1e-3`` for a word; here it is a number. And it is only data, each of it written out once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse ``*name``: nine lines of them may stand for gigabytes."""
        if self.check_event(yaml.AliasEvent):
            where = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "expected values, got an alias; write it out", where)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that comes twice: which one counts would be anybody's guess."""
        found = super().construct_mapping(node, deep)
        if len(found) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "expected keys that differ", node.start_mark)
        return found


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse(text: str, source: str) -> dict[str, Any]:
    """A mapping from YAML; ``source`` is named in errors."""
    content = _load(text, source)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise WeightloomError(f"{source}: expected keys and values in YAML, got {_short(content)}")
    return content


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A mapping from a YAML file.

    Raises:
        WeightloomError: no such file, or no mapping.
        DamagedFile: no UTF-8.
    """
    data = files.read_bytes(path, "YAML file", "check the path")
    try:
        return parse(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise DamagedFile(f"{path}: expected YAML in UTF-8, got damage ({error}); restore the file") from error


def read_rules(given: str | None) -> Rules:
    """Rules from a YAML or JSON file, or as they are spelled: ``max_depth: 8``; None stands for none.

    Raises:
        WeightloomError: no such file, no mapping, or a rule that does not exist or fit.
    """
    if given is None:
        return Rules()
    return Rules.of(parse(given, "--rules") if ":" in given and not Path(given).exists() else read_yaml(given))


def to_yaml(content: dict[str, Any]) -> str:
    """YAML that ``parse`` reads back to an equal mapping, keys in their order."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def assignments(pairs: Iterable[str], option: str) -> dict[str, Any]:
    """``["a.b=1", "c=x"]`` as ``{"a.b": 1, "c": "x"}``; values are read as YAML."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise WeightloomError(f"{option}: expected KEY=VALUE such as training.steps=100, got {pair!r}")
        found[key.strip()] = _load(value, f"{option} {key.strip()}")
    return found


def override(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``content`` with each dotted key set.

    An entry of a list is named by its number or, where it has one, by its ``family``: ``families.mlp.first``.

    Raises:
        WeightloomError: a part of the key leads into a value or past the end of a list.
    """
    changed = deepcopy(content)
    for key, value in changes.items():
        *parents, last = key.split(".")
        node: Any = changed
        for depth, part in enumerate(parents):
            where = ".".join(parents[: depth + 1])
            if isinstance(node, dict):
                node = _enter(node, part)
            else:
                node = node[_position(node, part, where)]
            if not isinstance(node, dict | list):
                raise WeightloomError(f"key {key!r}: expected {where!r} to hold keys, got the value {_short(node)}")
        if isinstance(node, list):
            node[_position(node, last, key)] = value
        else:
            node[last] = value
    return changed


def _enter(node: dict[str, Any], part: str) -> Any:
    if node.get(part) is None:
        node[part] = {}
    return node[part]


def _position(entries: list[Any], part: str, where: str) -> int:
    families = [entry.get("family") for entry in entries if isinstance(entry, dict)]
    if part in families:
        return families.index(part)
    if part.isdecimal() and int(part) < len(entries):
        return int(part)
    names = [str(name) for name in families if name is not None]
    raise WeightloomError(
        f"key {where!r}: expected a number below {len(entries)}"
        f"{' or one of ' + ', '.join(names) if names else ''}, got {part!r}"
    )


def _load(text: str, source: str) -> Any:
    if len(text) > LONGEST:
        raise WeightloomError(f"{source}: expected at most {LONGEST} characters of YAML, got {len(text)}")
    try:
        value = yaml.load(text, Loader=_Loader)
        check_plain(value, endless=True)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date or number that cannot be
        reason = in_one_line(error)
        raise WeightloomError(f"{source}: expected YAML with words and numbers, got {reason}") from error
    return value


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
