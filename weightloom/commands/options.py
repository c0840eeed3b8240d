"""Options that several verbs share, and the command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object on stdout.")]
RunsFolder = Annotated[Path, Parameter(name="--runs-folder", help="Where runs are, and in .zoo the trained networks.")]
Assignments = Annotated[
    list[str] | None,
    Parameter(consume_multiple=True, negative="", help="Change settings: KEY=VALUE, dotted keys."),
]
Mode = Literal["task", "zoo", "both"]
Flag = Parameter(negative="")


def again(
    verb: str, preset: str, name: str, overrides: Mapping[str, Any], runs_folder: Path, extra: Sequence[str] = ()
) -> str:
    """The command that makes a run again: every setting that was changed as ``--set KEY=VALUE``."""
    words = ["weightloom", verb, preset, "--name", name, *extra]
    if runs_folder != Path("runs"):
        words += ["--runs-folder", str(runs_folder)]
    settings = [f"{key}={_yaml(value)}" for key, value in overrides.items() if key != "name"]
    return shlex.join([*words, *(["--set", *settings] if settings else [])])


def _yaml(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
