"""A small package for a plug-in of the user's own, written from one of the three that lie in ``templates``.

Each template is a real package with a plug-in called ``own_thing``, which the tests run as it is; a new package is that
one under another name.
"""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import secrets
import shutil
import sys
from pathlib import Path

from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.files import write_text
from search_spaces.registry import Registry

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {
    "generator": Registry("generator", "weightloom.generators"),
    "space": Registry("space", "weightloom.spaces"),
    "task": Registry("task", "weightloom.tasks"),
}
TEMPLATE = "own_thing"


def write_package(kind: str, name: str, into: Path) -> list[Path]:
    """Write the package ``into / name``, whole or not at all.

    Args:
        kind: one of `KINDS`.
        name: of package, module and plug-in.
        into: folder, made if missing.

    Returns:
        The files, sorted.

    Raises:
        UnknownName: no such kind.
        WeightloomError: the name cannot be a module's, or is taken; the folder is there already or cannot be written.
    """
    if kind not in KINDS:
        raise UnknownName("kind of package", kind, KINDS)
    home = into / name
    if home.exists():
        raise WeightloomError(f"{home}: expected no such folder yet, got one; choose another NAME, or another --into")
    _check_name(kind, name)
    scratch = into / f".{name}.{secrets.token_hex(6)}.tmp"
    try:
        for source in sorted((TEMPLATES / kind).iterdir()):
            if source.is_file():
                write_text(scratch / _named(source.name, name), _named(source.read_text(encoding="utf-8"), name))
        os.replace(scratch, home)
    except OSError as error:
        raise WeightloomError(
            f"cannot write {home}: expected a writable folder, got {error.strerror}; choose another with --into"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(home.iterdir())


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 40 or keyword.iskeyword(name):
        near = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")[:40]
        usable = re.fullmatch(r"[a-z]\w*", near) and not keyword.iskeyword(near) and near != name
        hint = f" Did you mean {near!r}?" if usable else ""
        raise WeightloomError(
            "NAME: expected up to 40 lower-case letters, digits and single underscores that begin with a letter, no "
            f"word of Python's own, got {name!r}.{hint}"
        )
    registry = KINDS[kind]
    if name in registry.names():
        raise WeightloomError(f"NAME: expected a new one, got {name!r}, which is a {registry.kind} that is installed")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise WeightloomError(
            f"NAME: expected one that no module has, got {name!r}, which can be imported already; try 'my_{name}'"
        )


def _named(text: str, name: str) -> str:
    """``text`` of a template with the new name in each of its spellings."""
    camel = "".join(word.capitalize() for word in name.split("_"))
    for old, new in ((TEMPLATE, name), (TEMPLATE.replace("_", "-"), name.replace("_", "-")), ("OwnThing", camel)):
        text = text.replace(old, new)
    return text
