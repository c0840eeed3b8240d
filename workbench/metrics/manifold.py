"""Do generated networks fill the place where real ones live? Two-sample figures from distances.

Dimensions: ``real`` and ``generated`` are the two sets of networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.metrics.checks import as_floats, at_least, refusal
from workbench.metrics.distances import hellinger


@dataclass(frozen=True)
class Distances:
    """All distances within and between two sets of networks, in any one metric.

    Attributes:
        real: among real networks, symmetric, zero diagonal.
        cross: from each real to each generated network.
        generated: among generated networks, symmetric, zero diagonal.

    Raises:
        WeightloomError: shapes that do not fit, fewer than two networks in a set, a negative distance, a
            NaN or infinity.
    """

    real: Float[np.ndarray, "real real"]
    cross: Float[np.ndarray, "real generated"]
    generated: Float[np.ndarray, "generated generated"]

    def __post_init__(self) -> None:
        for name in ("real", "cross", "generated"):
            object.__setattr__(self, name, as_floats(f"Distances.{name}", getattr(self, name), 2))
        rows, columns = self.cross.shape
        if self.real.shape != (rows, rows) or self.generated.shape != (columns, columns):
            raise refusal(
                "Distances",
                expected="shapes [real, real], [real, generated] and [generated, generated]",
                got=(self.real.shape, self.cross.shape, self.generated.shape),
                remedy="Pass the distances from real to generated as cross, real networks in rows.",
            )
        at_least("Distances", min(rows, columns), 2, "networks in each set")
        if min(self.real.min(), self.cross.min(), self.generated.min()) < 0:
            raise refusal("Distances", expected="distances", got="a negative value", remedy="Pass no kernel.")

    @classmethod
    def between(
        cls,
        real: Float[np.ndarray, "real examples classes"],
        generated: Float[np.ndarray, "generated examples classes"],
    ) -> Distances:
        """`hellinger` distances in function space, from predicted probabilities."""
        return cls(hellinger(real, real), hellinger(real, generated), hellinger(generated, generated))


@dataclass(frozen=True)
class PRDC:
    """Precision, recall, density and coverage; see `prdc`."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(distances: Distances, *, k: int = 5) -> PRDC:
    """How well generated networks lie among real ones, and reach all of them.

    The ball of a network reaches to its k-th nearest neighbour in its own set (itself not counted).
    precision = share of generated inside any real ball; recall = share of real inside any generated ball;
    coverage = share of real whose ball holds a generated network; these in [0, 1], higher is better.
    density = mean number of real balls around a generated network, over k; in [0, real / k], 1 is expected
    of equal distributions.

    Broken networks have huge balls, which inflates recall: gate on validity first.

    Args:
        distances: within and between the two sets.
        k: neighbours, at least 1 and fewer than the networks in either set.

    Raises:
        WeightloomError: ``k`` out of range.

    Source: Kynkäänniemi et al. 2019, equations 1-2 (precision, recall); Naeem et al. 2020, Reliable
    Fidelity and Diversity Metrics, section 3 (density, coverage). Balls are closed, as in the former; the
    authors' code of the latter has them open, which differs only at ties.
    """
    smaller = min(distances.cross.shape)
    if not 1 <= k < smaller:
        raise refusal(
            "prdc",
            expected=f"k from 1 to {smaller - 1} (fewer than the networks in the smaller set)",
            got=k,
            remedy="Lower k or make more networks.",
        )
    real_ball = np.sort(_without_self(distances.real), axis=1)[:, k - 1]
    generated_ball = np.sort(_without_self(distances.generated), axis=1)[:, k - 1]
    in_real = distances.cross <= real_ball[:, None]
    in_generated = distances.cross <= generated_ball[None, :]
    return PRDC(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_generated.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float(in_real.any(axis=1).mean()),
    )


def mmd(distances: Distances) -> float:
    """Squared maximum mean discrepancy, unbiased; in [-2, 2], lower is better, 0 expected of equal sets.

    Kernel ``exp(-d / s)`` with s = the median distance among real networks, so that all generators are
    measured with one kernel. Deviation from the usual Gaussian kernel: the mean of Hellinger distances over
    examples is of negative type, for which ``exp(-d)`` is surely a positive definite kernel and
    ``exp(-d²)`` is not; the plain energy distance would see each example by itself only.

    Args:
        distances: within and between the two sets.

    Raises:
        WeightloomError: real networks that are mostly one and the same (a median distance of 0).

    Source: Gretton et al. 2012, A Kernel Two-Sample Test, lemma 6.
    """
    scale = np.median(distances.real[np.triu_indices(len(distances.real), k=1)])
    if scale == 0:
        raise refusal("mmd", expected="real networks that differ", got="median distance 0", remedy="Use other seeds.")

    def similarity(part: np.ndarray) -> float:
        return float(np.exp(-part / scale).mean())

    def similarity_within(part: np.ndarray) -> float:
        return similarity(part[~np.eye(len(part), dtype=bool)])

    within = similarity_within(distances.real) + similarity_within(distances.generated)
    return within - 2.0 * similarity(distances.cross)


def one_nn(distances: Distances) -> float:
    """Accuracy of telling generated from real by the nearest neighbour, leave-one-out.

    In [0, 1]; 0.5 is best (cannot be told apart), 1 = two separate clouds, 0 = each generated network sits
    on a real one (a copy). Deviation: the accuracies of the two sets are averaged, which keeps 0.5 for sets
    of unequal size, and a tie between both sets counts as half.

    Args:
        distances: within and between the two sets.

    Source: Lopez-Paz & Oquab 2017, Revisiting Classifier Two-Sample Tests, section 3, with a 1-NN classifier.
    """

    def accuracy(own: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean((own < other) + 0.5 * (own == other)))

    real = accuracy(_without_self(distances.real).min(axis=1), distances.cross.min(axis=1))
    generated = accuracy(_without_self(distances.generated).min(axis=1), distances.cross.min(axis=0))
    return (real + generated) / 2


def _without_self(square: np.ndarray) -> np.ndarray:
    return np.where(np.eye(len(square), dtype=bool), np.inf, square)
