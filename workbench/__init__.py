"""The laboratory: train, measure, record and show.

    from workbench import Experiment, compare

    judged = Experiment("mlp", training={"steps": 300}).run()
    print(compare(judged))

Importing this imports no torch; the first use of a name does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.comparing import Comparison, compare
    from workbench.judging import Experiment, Judged

__all__ = ["Comparison", "Experiment", "Judged", "compare"]
_ROOMS = {"Comparison": "comparing", "Experiment": "judging", "Judged": "judging", "compare": "comparing"}


def __getattr__(name: str) -> Any:
    """What is listed above, from its file; the command line's quick verbs import this package and no torch."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
