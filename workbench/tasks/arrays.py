"""Tasks from arrays as people have them: pictures in any order of axes, classes of any type, columns of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from search_spaces import WeightloomError
from workbench.tasks.task import Task, split_task

COLOURS = (1, 3, 4)
"""Sizes of an axis that is taken for the channels of pictures: grey, RGB, RGBA."""
LEAST = 10
"""So few examples no task has."""


@runtime_checkable
class Columns(Protocol):
    """Columns by name, all of one length: a dictionary of arrays, a data frame, a split of ``datasets``."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""
        ...


def from_arrays(
    name: str, x: Any, y: Any, *, test: tuple[Any, Any] | None = None, shape: tuple[int, ...] | None = None
) -> Task:
    """A task from examples and their classes.

    Args:
        name: for tables and folders.
        x: ``[examples, values]``, grey pictures ``[examples, height, width]``, or pictures with 1, 3 or 4 channels
            first or last. Values may have any scale: each of a flat example is brought to one by itself, as the columns
            of a table have units of their own; pictures and sequences are divided by one number.
        y: ``[examples]``, numbers or words; classes are numbered in sorted order.
        test: a test set of its own; without it a quarter of the examples, drawn with a fixed seed, becomes one.
        shape: of one example, channels first, where the axes of ``x`` do not say it: (channels, length) for sequences.

    Raises:
        WeightloomError: examples and classes that do not fit together; classes that are measurements, one class alone,
            or as good as one for each example; a test class that training does not have.
    """
    examples, own = channels_first(name, _numbers(name, x))
    labels = np.asarray(y)
    classes = _classes(name, labels)
    numbered = np.searchsorted(classes, labels)
    held_out = None
    if test is not None:
        test_labels = np.asarray(test[1])
        unknown = sorted(set(np.unique(test_labels).tolist()) - set(classes.tolist()), key=str)
        if unknown:
            raise WeightloomError(
                f"task {name}: expected test classes that training has ({len(classes)} of them), got {unknown[:3]} too"
            )
        held_out = (channels_first(name, _numbers(name, test[0]))[0], np.searchsorted(classes, test_labels))
    return split_task(name, examples, numbered, test=held_out, shape=shape or own, each=(shape or own) is None)


def from_columns(
    name: str, train: Columns, test: Columns | None = None, *, x: str | Sequence[str] = "image", y: str = "label"
) -> Task:
    """A task from columns by name, such as a split of Hugging Face ``datasets`` or a data frame.

    Args:
        name: for tables and folders.
        train: the columns.
        test: those of a test set, if there is one.
        x: the column of examples (arrays or pictures), or the columns of numbers that are one value each.
        y: the column of classes.

    Raises:
        WeightloomError: a column that is not there; else as `from_arrays`.
    """

    def split(columns: Columns) -> tuple[Any, Any]:
        try:
            if isinstance(x, str):
                return [np.asarray(one) for one in columns[x]], columns[y]
            return np.stack([np.asarray(columns[part]) for part in x], axis=1), columns[y]
        except KeyError as error:
            known = list(columns.keys()) if isinstance(columns, Mapping) else "others"
            raise WeightloomError(f"task {name}: expected a column {error}, got {known}; name it with x or y") from None

    return from_arrays(name, *split(train), test=None if test is None else split(test))


def channels_first(name: str, x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """Examples with their channels first, and the shape of one; None for flat ones."""
    if x.ndim == 2:
        return x, None
    if x.ndim == 3:
        return x, (1, *x.shape[1:])
    if x.ndim == 4 and x.shape[3] in COLOURS:  # where both ends could be, the last is meant
        x = np.moveaxis(x, 3, 1)
    if x.ndim == 4 and x.shape[1] in COLOURS:
        return x, x.shape[1:]
    raise WeightloomError(
        f"task {name}: expected examples as [examples, values], [examples, height, width] or pictures with 1, 3 or 4 "
        f"channels first or last, got an array of shape {x.shape}"
    )


def _classes(name: str, labels: np.ndarray) -> np.ndarray:
    """The classes in sorted order."""
    if labels.ndim != 1:
        raise WeightloomError(
            f"task {name}: expected one class for each example, got an array of shape {labels.shape}; "
            "of classes as columns of 0 and 1 take argmax(axis=1)"
        )
    classes = np.unique(labels)
    if np.issubdtype(labels.dtype, np.floating) and (labels != np.floor(labels)).any():
        got = f"numbers such as {classes[classes != np.floor(classes)][0]:g}"
    elif len(labels) >= LEAST and len(classes) == 1:
        got = f"only {str(classes[0])!r}"
    elif len(labels) >= LEAST and 2 * len(classes) > len(labels):
        got = f"{len(classes)} of them for {len(labels)} examples"
    else:
        return classes
    raise WeightloomError(
        f"task {name}: expected classes with several examples each, got {got}; see that the right column or array "
        "holds the classes; measurements have to be cut into classes first"
    )


def _numbers(name: str, x: Any) -> np.ndarray:
    try:
        return np.asarray(x, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise WeightloomError(
            f"task {name}: expected examples that are numbers and all of one shape, got others ({error}); "
            "make all pictures the same size first"
        ) from None
