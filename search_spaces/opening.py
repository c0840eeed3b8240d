"""A registered space for data of one shape, with some of its arguments set."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.operations import Shape
from search_spaces.registry import SPACES
from search_spaces.space import SearchSpace

GIVEN = ("self", "inputs", "outputs", "shape")
"""Arguments that the data decides."""


def open_space(
    name: str, *, inputs: int, outputs: int, shape: Shape | None, settings: Mapping[str, Any] | None = None
) -> SearchSpace:
    """The space registered as ``name``, for examples of ``shape``.

    Args:
        name: see ``weightloom list spaces``.
        inputs: number of values of one example.
        outputs: number of classes.
        shape: of one example, see ``SearchSpace``.
        settings: other arguments of its constructor, such as ``{"widths": [8, 16]}``.

    Raises:
        UnknownName: no such space, or it has no such argument.
        WeightloomError: an argument's value is not allowed.
    """
    own = dict(settings or {})
    check_settings(name, own)
    try:
        space: SearchSpace = SPACES.load(name)(inputs=inputs, outputs=outputs, shape=shape, **own)
    except TypeError as error:  # a value of another kind, such as one number where a list is expected
        raise WeightloomError(f"space {name}: expected arguments of other kinds than {own} ({error})") from error
    space.settings = own
    return space


def check_settings(name: str, settings: Mapping[str, Any]) -> None:
    """Check that the space has all these arguments; raises ``UnknownName`` naming the nearest."""
    known = [argument for argument in inspect.signature(SPACES.load(name).__init__).parameters if argument not in GIVEN]
    for argument in settings:
        if argument not in known:
            raise UnknownName(f"argument of space {name}", argument, known)
