"""Turn arguments into arrays, or refuse them with one kind of sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from search_spaces.errors import WeightloomError


def refusal(subject: str, *, expected: str, got: object, remedy: str) -> WeightloomError:
    """The error to raise; imported on demand, so that reading metrics never loads torch."""
    from search_spaces.errors import WeightloomError

    return WeightloomError(f"{subject}: expected {expected}, got {got}. {remedy}")


def as_floats(subject: str, values: npt.ArrayLike, ndim: int, *, finite: bool = True) -> np.ndarray:
    """A non-empty float64 array of ``ndim`` axes; all finite, unless ``finite`` is off.

    Raises:
        WeightloomError: not numbers, a wrong number of axes, no entry, or a NaN or infinity.
    """
    array = _shaped(subject, values, ndim, np.float64)
    if finite and not np.isfinite(array).all():
        raise refusal(
            subject,
            expected="finite numbers",
            got=f"{np.count_nonzero(~np.isfinite(array))} NaN or infinite of {array.size}",
            remedy="Gate out broken networks first and count them in the share of valid ones.",
        )
    return array


def as_bools(subject: str, values: npt.ArrayLike, ndim: int) -> np.ndarray:
    """A non-empty boolean array of ``ndim`` axes; 0 and 1 are taken as booleans.

    Raises:
        WeightloomError: a wrong number of axes, no entry, or a value other than 0 and 1.
    """
    array = _shaped(subject, values, ndim, None)
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise refusal(
            subject,
            expected="booleans (or 0 and 1)",
            got=f"other values in an array of {array.dtype}",
            remedy="Compare predictions with labels, or gates with a threshold, first.",
        )
    return array.astype(np.bool_)


def same_length(subject: str, a: np.ndarray, b: np.ndarray, *, axis: int) -> None:
    """Refuse two arrays that differ in length along ``axis``."""
    if a.shape[axis] != b.shape[axis]:
        raise refusal(
            subject,
            expected=f"equal lengths along axis {axis}",
            got=f"shapes {a.shape} and {b.shape}",
            remedy="Pass figures of the same examples or architectures, in the same order.",
        )


def at_least(subject: str, count: int, minimum: int, what: str) -> None:
    """Refuse a sample that is too small for the figure to exist."""
    if count < minimum:
        raise refusal(subject, expected=f"at least {minimum} {what}", got=count, remedy=f"Provide more {what}.")


def _shaped(subject: str, values: npt.ArrayLike, ndim: int, dtype: npt.DTypeLike | None) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise refusal(
            subject, expected="a rectangular array", got=error, remedy="Pass numbers of equal rows."
        ) from error
    if array.ndim != ndim or array.size == 0:
        raise refusal(
            subject,
            expected=f"a non-empty array with {ndim} axes",
            got=f"shape {array.shape}",
            remedy="The docstring of the function names the axes.",
        )
    return array
