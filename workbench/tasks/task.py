"""A task: data with fixed splits, a loss and a score."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from search_spaces import Registry, WeightloomError

# dimension names: networks, batch = examples, inputs = values of one example, classes

TASKS = Registry("task", "weightloom.tasks")


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Examples and their classes."""

    x: Float[Tensor, "batch inputs"]
    y: Int[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Classification of flattened examples.

    Attributes:
        name: as registered.
        train, validation, test: fixed by the task's own seed; inputs standardised by the training split.
        classes: number of classes.
        shape: of one example before it was flattened, channels first: (values,), (channels, length) or
            (channels, height, width).
        centre, spread: what raw inputs were standardised by, ``(x - centre) / spread``; None where the task does not
            say. Whoever runs an exported network on raw examples needs them.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    shape: tuple[int, ...]
    centre: np.ndarray | None = None
    spread: np.ndarray | float | None = None

    @property
    def inputs(self) -> int:
        """Values of one example."""
        return self.train.x.shape[1]

    def to(self, device: torch.device | str) -> Task:
        """The same on another device."""

        def moved(split: Split) -> Split:
            return Split(x=split.x.to(device), y=split.y.to(device))

        return replace(self, train=moved(self.train), validation=moved(self.validation), test=moved(self.test))

    def digest(self) -> str:
        """Sixteen hex digits over all examples."""
        sha = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            sha.update(split.x.cpu().numpy().tobytes())
            sha.update(split.y.cpu().numpy().tobytes())
        return sha.hexdigest()[:16]


def loss(
    logits: Float[Tensor, "networks batch classes"], y: Int[Tensor, "*networks batch"]
) -> Float[Tensor, " networks"]:
    """Cross-entropy in nats of each network, mean over examples."""
    y = y.expand(logits.shape[:2])
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), y, reduction="none").mean(-1)


def score(
    probabilities: Float[Tensor, "networks batch classes"], y: Int[Tensor, " batch"]
) -> Float[Tensor, " networks"]:
    """Share of examples classified rightly, 0..1; a network with a NaN anywhere scores NaN."""
    right = (probabilities.argmax(-1) == y).float().mean(-1)
    return torch.where(torch.isfinite(probabilities).all(-1).all(-1), right, torch.nan)


def split_task(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int = 0,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    validation_share: float = 0.2,
    test_share: float = 0.25,
    shape: tuple[int, ...] | None = None,
    each: bool = False,
) -> Task:
    """A task from arrays: shuffled by ``seed``, standardised by the training split.

    Every input is centred by itself; all are divided by one number, or with ``each`` every one by its own.

    Args:
        name: as registered.
        x: ``[examples, ...]``, flattened here.
        y: ``[examples]`` class numbers from 0.
        seed: of the split.
        test: a test set of its own; without it ``test_share`` of the rows become one.
        validation_share: share of the remaining rows.
        test_share: share of all rows.
        shape: of one example, channels first; flat by default.
        each: inputs have units of their own, as the columns of a table have.

    Raises:
        WeightloomError: fewer than 10 examples, examples and labels that do not fit together, a value that
            is not finite, a label below 0, a shape of another number of values.
    """
    x, y = _arrays(name, x, y, least=10)
    shape = shape or (x.shape[1],)
    if math.prod(shape) != x.shape[1]:
        raise WeightloomError(f"task {name}: expected a shape of {x.shape[1]} values as examples have, got {shape}")
    if test is not None:
        test = _arrays(f"{name} (test)", *test, least=1)
        if test[0].shape[1] != x.shape[1]:
            raise WeightloomError(
                f"task {name}: expected test examples of {x.shape[1]} values as in training, got {test[0].shape[1]}"
            )
    order = np.random.default_rng(seed).permutation(len(x))
    if test is None:
        cut = round(test_share * len(x))
        test = (x[order[:cut]], y[order[:cut]])
        order = order[cut:]
    cut = round(validation_share * len(order))
    parts = {
        "validation": (x[order[:cut]], y[order[:cut]]),
        "train": (x[order[cut:]], y[order[cut:]]),
        "test": test,
    }
    seen = parts["train"][0]
    centre = seen.mean(0)
    spread: np.ndarray | float = float(seen.std()) or 1.0
    if each:
        own = seen.std(0, dtype=np.float64)
        spread = np.where(own > 1e-6 * np.abs(centre), own, 1).astype(np.float32)  # one value alone is left as it is
    splits = {
        key: Split(x=torch.from_numpy((px - centre) / spread), y=torch.from_numpy(py))
        for key, (px, py) in parts.items()
    }
    classes = int(max(y.max(), test[1].max())) + 1
    return Task(name=name, classes=classes, shape=shape, centre=centre, spread=spread, **splits)


def _arrays(name: str, x: np.ndarray, y: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.int64)
    if y.shape != x.shape[:1] or len(y) < least:
        raise WeightloomError(
            f"task {name}: expected a label for each example and at least {least} examples, "
            f"got examples {x.shape} and labels {y.shape}"
        )
    if not np.isfinite(x).all() or y.min() < 0:
        raise WeightloomError(
            f"task {name}: expected finite values and labels from 0, got "
            f"{int((~np.isfinite(x)).sum())} other values and a lowest label of {y.min()}"
        )
    return x.reshape(len(x), -1), y


def load_task(name: str, folder: str | None = None) -> Task:
    """The task registered as ``name``; ``folder`` is where a task that reads files finds them."""
    make: Callable[..., Task] = TASKS.load(name)
    if folder is not None and "folder" not in inspect.signature(make).parameters:
        raise WeightloomError(
            f"task {name}: expected no folder, as it brings its data along, got {folder!r}; "
            "for data of your own take --task file"
        )
    return make() if folder is None else make(folder=folder)
