"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from generators.form import Form

Json = Annotated[bool, Parameter(name="--json")]
RunsFolder = Annotated[Path, Parameter(name="--runs-folder")]
Assignments = Annotated[list[str] | None, Parameter(consume_multiple=True)]
Storage = Annotated[str | None, Parameter(name="--storage", env_var="WEIGHTLOOM_STORAGE")]
Remote = Annotated[str | None, Parameter(name="--remote")]
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
EVERY = Parameter(negative="", show_default=lambda value: None if value in (None, "") or value is False else str(value))
"""What holds for every option: a flag has no opposite, and a default that says nothing is not shown."""


def words(text: str) -> list[str]:
    """What stands between the commas of an option."""
    return [word.strip() for word in text.split(",") if word.strip()]


def weights_of(sparsity: float) -> float:
    """The share of weights that stay where ``--sparsity`` says how many are zero."""
    from search_spaces.errors import WeightloomError

    if not 0 <= sparsity < 1:
        raise WeightloomError(f"--sparsity: expected a number of at least 0 and below 1, got {sparsity}")
    return round(1 - sparsity, 12)  # 0.1, not 0.09999999999999998, in the file


def form_of(weights_as: Any, max_norm: float | None, max_lipschitz: float | None) -> Form:
    """What is done to networks before they are written; mistakes are told by the names of the options."""
    from generators.form import Form
    from generators.rounding import WEIGHTS_AS
    from search_spaces import UnknownName

    if weights_as not in WEIGHTS_AS:
        raise UnknownName("--weights-as", weights_as, WEIGHTS_AS)
    return Form(weights_as=weights_as, max_norm=max_norm, max_lipschitz=max_lipschitz)
