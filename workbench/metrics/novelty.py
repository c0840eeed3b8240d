"""Is a generated network new, or a copy of a training network? Figures from distances to T.

Dimensions: ``generated``, ``heldout`` (real networks not in T), ``training`` (T).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from workbench.metrics.checks import as_floats, at_least, refusal


def nearest(distances: Float[np.ndarray, "generated training"]) -> Float[np.ndarray, " generated"]:
    """Distance of each network to its nearest training network, in the unit of the distances.

    In [0, inf); 0 = a copy. With `matched_distances` this is the figure ``nearest_l2``.

    Args:
        distances: from each network to each of T, in any metric.

    Raises:
        WeightloomError: no network, a negative distance, a NaN or infinity.
    """
    smallest: np.ndarray = _checked("nearest", distances).min(axis=1)
    return smallest


def rho(
    generated_to_training: Float[np.ndarray, "generated training"],
    heldout_to_training: Float[np.ndarray, "heldout training"],
) -> float:
    """How new generated networks are, against how new a real one is.

    The mean over generated networks of the distance to the nearest network of T, divided by the same mean
    over held-out real networks: a ratio of two means, not a mean of ratios. In [0, inf), near 1 is best:
    1 = as new as a real network, 0 = a copy, far above 1 = away from all real networks. Both sets are
    measured against the same T, for the nearest distance falls with the size of T.

    In weight space (`matched_distances`) it is the figure ``rho``, in function space (`hellinger`)
    ``rho_function``.

    Args:
        generated_to_training: from each generated network to each of T.
        heldout_to_training: from each held-out real network to each of T, in the same metric.

    Raises:
        WeightloomError: different T, held-out networks that are all in T, and as `nearest`.

    Source: METRICS.md, Novelty ("mean distance generated→T / mean distance H→T", distance to the nearest).
    """
    generated, heldout = _checked("rho", generated_to_training), _checked("rho", heldout_to_training)
    sizes, yardstick = (generated.shape[1], heldout.shape[1]), heldout.min(axis=1).mean()
    if sizes[0] != sizes[1] or yardstick == 0:
        raise refusal(
            "rho",
            expected="distances to one T, of which the held-out networks are no part",
            got=f"T of {sizes[0]} and {sizes[1]}, mean held-out distance {yardstick}",
            remedy="Measure both against the same training networks, and hold other real networks out.",
        )
    return float(generated.min(axis=1).mean() / yardstick)


def replica_share(distances: Float[np.ndarray, "generated training"], *, ratio: float = 0.5) -> float:
    """Share of generated networks that are much nearer to one training network than to any second.

    In [0, 1], lower is better. A network is a replica where d1 < ``ratio`` x d2, with d1 and d2 the smallest
    and second smallest distance to T. Deviation: d1 = 0 is always a replica, also of a training network that
    T holds twice. Not for zoos of checkpoints of one run, where d1 and d2 are always close.

    Args:
        distances: from each generated network to each of T.
        ratio: in (0, 1]; smaller is stricter about what to call a replica.

    Raises:
        WeightloomError: fewer than two training networks, a ratio outside (0, 1], and as `nearest`.

    Source: the d1/d2 test of nearest-neighbour distance ratios (Lowe 2004, section 7.1), used for
    memorisation in diffusion models by Yoon et al. 2023.
    """
    array = _checked("replica_share", distances)
    at_least("replica_share", array.shape[1], 2, "training networks")
    if not 0 < ratio <= 1:
        raise refusal("replica_share", expected="a ratio in (0, 1]", got=ratio, remedy="Take 0.5.")
    first, second = np.partition(array, 1, axis=1)[:, :2].T
    return float(np.mean((first < ratio * second) | (first == 0)))


def _checked(subject: str, distances: npt.ArrayLike) -> np.ndarray:
    array = as_floats(subject, distances, 2)
    if array.min() < 0:
        raise refusal(subject, expected="distances", got="a negative value", remedy="Pass no kernel.")
    return array
