"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object on stdout.")]
RunsFolder = Annotated[Path, Parameter(name="--runs-folder", help="Where runs are, and in .zoo the trained networks.")]
Assignments = Annotated[
    list[str] | None,
    Parameter(consume_multiple=True, negative="", help="Change settings: KEY=VALUE, dotted keys."),
]
Storage = Annotated[
    str | None,
    Parameter(
        name="--storage",
        env_var="WEIGHTLOOM_STORAGE",
        help="postgresql://USER:PASSWORD@HOST/DATABASE that keeps the trials; by default a file in the run's folder.",
    ),
]
Mode = Literal["task", "zoo", "both"]
Flag = Parameter(negative="")


def words(text: str) -> list[str]:
    """What stands between the commas of an option."""
    return [word.strip() for word in text.split(",") if word.strip()]
