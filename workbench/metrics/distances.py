"""How far apart two networks are as functions: Hellinger distance between their predictions.

Dimensions: ``networks``, ``others``, ``examples``, ``classes``; ``generated``, ``heldout``, ``training`` are
sets of networks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from workbench.metrics.checks import at_least, refusal

_BLOCK = 1 << 21  # pair-example entries held at once: 16 MiB
_ROUNDING = 1e-13  # a squared distance below this is 0; the root would blow 1e-16 up to 1e-8


def hellinger(
    probabilities: Float[np.ndarray, "networks examples classes"],
    others: Float[np.ndarray, "others examples classes"],
) -> Float[np.ndarray, "networks others"]:
    """Mean over examples of the Hellinger distance between predicted probabilities.

    ``sqrt(1 - sum_c sqrt(p_c q_c))`` per example; in [0, 1], 0 = equal predictions, 1 = never a common
    class. A metric. Works through blocks of examples, so memory stays near the size of the result.

    Args:
        probabilities: predictions of each network; each row sums to 1 (within 1e-3; rescaled to 1).
        others: predictions of the other networks for the same examples.

    Raises:
        WeightloomError: differing examples or classes, a NaN, a negative value, rows that do not sum to 1.

    Source: Hellinger 1909, normalised to [0, 1]; METRICS.md, Mode collapse.
    """
    left, right = _checked(probabilities), _checked(others)
    if left.shape[1:] != right.shape[1:]:
        raise refusal(
            "hellinger",
            expected="the same examples and classes",
            got=f"shapes {left.shape} and {right.shape}",
            remedy="Predict both sets on the same examples.",
        )
    total = np.zeros((len(left), len(right)))
    step = max(1, _BLOCK // total.size)
    for start in range(0, left.shape[1], step):
        part = slice(start, start + step)
        affinity = _roots(left[:, part]) @ _roots(right[:, part]).transpose(0, 2, 1)
        squared = 1.0 - affinity
        squared[squared < _ROUNDING] = 0.0
        total += np.sqrt(squared).sum(axis=0)
    result: np.ndarray = np.minimum(total / left.shape[1], 1.0)
    return result


def distance_to_mean_ratio(
    generated: Float[np.ndarray, "generated examples classes"],
    heldout: Float[np.ndarray, "heldout examples classes"],
    training: Float[np.ndarray, "training examples classes"],
) -> float:
    """Distance of generated networks to the mean prediction of T, over that of held-out real networks.

    A ratio in [0, inf), near 1 is best: 1 = as far from the average as a real network, towards 0 =
    contracted to the average.

    Args:
        generated: predictions of generated networks.
        heldout: predictions of real networks that are not in T.
        training: predictions of T, whose mean over networks is the centre.

    Raises:
        WeightloomError: as `hellinger`, or held-out networks that all equal the mean.
    """
    centre = _checked(training).mean(axis=0, dtype=np.float64)[None]
    yardstick = hellinger(heldout, centre).mean()
    if yardstick == 0:
        raise refusal(
            "distance_to_mean_ratio",
            expected="held-out networks that differ from the mean of the training networks",
            got="a mean distance of 0",
            remedy="Use independently trained held-out networks.",
        )
    return float(hellinger(generated, centre).mean() / yardstick)


def _checked(probabilities: npt.ArrayLike) -> np.ndarray:
    array = np.asarray(probabilities)
    at_least("hellinger", array.ndim, 3, "axes (networks, examples, classes)")
    sums = array.sum(axis=-1, dtype=np.float64)
    # Written so that NaN fails too.
    if array.size == 0 or not (array.min() >= 0 and np.abs(sums - 1.0).max() <= 1e-3):
        raise refusal(
            "hellinger",
            expected="non-negative probabilities that sum to 1 over the last axis",
            got=f"shape {array.shape} with NaN, negative values, other sums, or nothing at all",
            remedy="Apply softmax, and gate out broken networks first.",
        )
    return array


def _roots(block: np.ndarray) -> np.ndarray:
    """Square roots of rescaled probabilities, as [examples, networks, classes]."""
    wide = block.astype(np.float64).transpose(1, 0, 2)
    roots: np.ndarray = np.sqrt(wide / wide.sum(axis=-1, keepdims=True))
    return roots
