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
Mode = Literal["task", "zoo", "both"]
RulesText = Annotated[
    str | None,
    Parameter(
        name="--rules",
        help="Rules that every architecture keeps: a YAML or JSON file, or spelled as 'max_depth: 8'. There are forbid "
        "('attention', 'attention before stage 2', 'pool before depth 3'), contain, end_in, min_depth, max_depth, "
        "max_parameters and max_flops.",
    ),
]
Flag = Parameter(negative="")


def words(text: str) -> list[str]:
    """What stands between the commas of an option."""
    return [word.strip() for word in text.split(",") if word.strip()]
