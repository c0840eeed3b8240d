"""What generated networks are measured against: real networks of held-out architectures, computed once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.collection import Collection
from generators.generated import Generated
from search_spaces import Blueprint
from workbench import metrics
from workbench.execution import give_back, predict
from workbench.tasks import Split
from workbench.zoo import Zoo

# dimension names: architectures, seeds, latents, networks, examples, classes


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What networks say about a split.

    Attributes:
        probabilities: of each class.
        errors: which examples are classified wrongly.
        scores: share classified rightly; NaN for a network with a broken value.
    """

    probabilities: Float[np.ndarray, "networks examples classes"]
    errors: Bool[np.ndarray, "networks examples"]
    scores: Float[np.ndarray, " networks"]

    @classmethod
    def of(cls, networks: Generated, split: Split) -> Predictions:
        """Run the networks on the split."""
        probabilities = predict(networks, split.x).cpu().numpy().astype(np.float64)
        errors = np.asarray(probabilities.argmax(-1) != split.y.cpu().numpy())
        finite = np.asarray(np.isfinite(probabilities).all((1, 2)))
        scores = np.where(finite, 1.0 - errors.mean(-1), np.nan)
        return cls(probabilities=np.nan_to_num(probabilities), errors=errors | ~finite[:, None], scores=scores)

    @classmethod
    def of_many(cls, collection: Collection, split: Split) -> Predictions:
        """Run networks that need not all be in memory, part by part; probabilities stay in the 32 bits they come in."""
        parts = collection.parts()
        first = cls.of(next(parts), split)
        shape = len(collection), *first.probabilities.shape[1:]
        found = cls(
            probabilities=np.empty(shape, np.float32), errors=np.empty(shape[:2], bool), scores=np.empty(shape[0])
        )
        start = 0
        for own in itertools.chain([first], (cls.of(networks, split) for networks in parts)):
            rows = slice(start, start + len(own.scores))
            for name in ("probabilities", "errors", "scores"):
                getattr(found, name)[rows] = getattr(own, name)
            start = rows.stop
        give_back()
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Yardstick:
    """Held-out architectures with their real networks, and the training networks, on one split.

    Attributes:
        split: the examples.
        labels: their classes.
        blueprints: the held-out architectures.
        networks: their real networks, architecture-major.
        real: what these predict.
        scores: their scores.
        spreads: mean pairwise 1 − error IoU between the real networks of each architecture.
        training: what the training networks predict, probabilities in 32 bits.
    """

    split: Split
    labels: Int[np.ndarray, " examples"]
    blueprints: tuple[Blueprint, ...]
    networks: Generated
    real: Predictions
    scores: Float[np.ndarray, "architectures seeds"]
    spreads: Float[np.ndarray, " architectures"]
    training: Predictions

    @property
    def seeds(self) -> int:
        """Real networks per architecture."""
        return self.scores.shape[1]

    def repeated(self, each: int) -> list[Blueprint]:
        """Every blueprint so many times in a row: architecture-major, as networks of several latents are kept."""
        return [blueprint for blueprint in self.blueprints for _ in range(each)]

    @classmethod
    def of(cls, zoo: Zoo, held_out: Collection, split: Split, training: Predictions | None = None) -> Yardstick:
        """Run all real networks on ``split``.

        Args:
            zoo: has the training networks.
            held_out: its networks for validation or for the test.
            split: the examples.
            training: what the training networks predict for it, where that is known.
        """
        seeds = zoo.config.seeds
        networks = held_out.in_memory()
        real = Predictions.of(networks, split)
        grouped = real.errors.reshape(-1, seeds, real.errors.shape[1])
        return cls(
            split=split,
            labels=split.y.cpu().numpy(),
            blueprints=networks.blueprints[::seeds],
            networks=networks,
            real=real,
            scores=real.scores.reshape(-1, seeds),
            spreads=np.array([metrics.spread(errors) for errors in grouped]),
            training=training or Predictions.of_many(zoo.training, split),
        )


def scores_of(networks: Generated, split: Split) -> Tensor:
    """Scores of networks on a split; NaN for broken ones."""
    import torch

    return torch.from_numpy(Predictions.of(networks, split).scores)
