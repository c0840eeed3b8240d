"""Are the networks good together, and is their confidence honest?

Dimensions: ``networks``, ``examples``, ``classes``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from workbench.metrics.checks import as_floats, at_least, refusal, same_length


def ensemble_score(
    probabilities: Float[np.ndarray, "networks examples classes"], labels: Int[np.ndarray, " examples"]
) -> float:
    """Accuracy of the mean predicted probability; in [0, 1], higher is better.

    Above the mean accuracy of its members where their mistakes differ. Ties go to the first class.

    Args:
        probabilities: predictions of each member.
        labels: true classes, from 0.

    Raises:
        WeightloomError: differing examples, labels outside the classes, a NaN.
    """
    mean = as_floats("ensemble_score", probabilities, 3).mean(axis=0)
    return float(np.mean(mean.argmax(axis=1) == _labels("ensemble_score", labels, mean)))


def ece(
    probabilities: Float[np.ndarray, "examples classes"],
    labels: Int[np.ndarray, " examples"],
    *,
    bins: int = 15,
) -> float:
    """Expected calibration error: mean gap between confidence and accuracy, over bins of confidence.

    In [0, 1], lower is better.

    Args:
        probabilities: predictions of one network, or the mean of an ensemble, in [0, 1].
        labels: true classes, from 0.
        bins: number of bins of equal width, each open below and closed above.

    Raises:
        WeightloomError: as `ensemble_score`, fewer than one bin, a confidence outside [0, 1].

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    array = as_floats("ece", probabilities, 2)
    hits = array.argmax(axis=1) == _labels("ece", labels, array)
    at_least("ece", bins, 1, "bins")
    confidence = array.max(axis=1)
    if array.min() < 0 or confidence.max() > 1 + 1e-6:
        raise refusal("ece", expected="probabilities", got="values outside [0, 1]", remedy="Apply softmax.")
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=hits - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(array))


def _labels(subject: str, labels: npt.ArrayLike, probabilities: np.ndarray) -> np.ndarray:
    array = as_floats(f"{subject}: labels", labels, 1)
    same_length(subject, array, probabilities, axis=0)
    if array.min() < 0 or array.max() >= probabilities.shape[1]:
        raise refusal(
            subject,
            expected=f"labels from 0 to {probabilities.shape[1] - 1}",
            got=f"from {array.min():g} to {array.max():g}",
            remedy="Number the classes from 0.",
        )
    return array
