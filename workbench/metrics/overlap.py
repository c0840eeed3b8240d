"""Do two networks make the same mistakes? Collapse and copying, seen in error sets.

Dimensions: ``examples`` = test examples (True = this network is wrong there), ``networks``, ``others``,
``generated``, ``training``.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from workbench.metrics.checks import as_bools, at_least, refusal, same_length


def error_iou(errors_a: Bool[np.ndarray, " examples"], errors_b: Bool[np.ndarray, " examples"]) -> float:
    """Intersection over union of two error sets (Jaccard index).

    In [0, 1]; 1 = the same mistakes, so lower is more diverse. Two networks without any error make the same
    mistakes: 1.0. Read it next to `chance_iou`.

    Args:
        errors_a: where the first network is wrong.
        errors_b: where the second one is wrong.

    Raises:
        WeightloomError: sets over different numbers of examples, or none.
    """
    a, b = as_bools("error_iou", errors_a, 1), as_bools("error_iou", errors_b, 1)
    return float(_iou("error_iou", a[None], b[None])[0, 0])


def pairwise_error_iou(
    errors: Bool[np.ndarray, "networks examples"],
) -> Float[np.ndarray, "networks networks"]:
    """`error_iou` of all pairs of one set; symmetric, with ones on the diagonal.

    Args:
        errors: where each network is wrong.

    Raises:
        WeightloomError: no network or no example.
    """
    array = as_bools("pairwise_error_iou", errors, 2)
    return _iou("pairwise_error_iou", array, array)


def cross_error_iou(
    errors_a: Bool[np.ndarray, "networks examples"], errors_b: Bool[np.ndarray, "others examples"]
) -> Float[np.ndarray, "networks others"]:
    """`error_iou` of each network of one set with each of another.

    Args:
        errors_a: where each network is wrong.
        errors_b: where each of the others is wrong, on the same examples.

    Raises:
        WeightloomError: differing examples, no network or no example.
    """
    subject = "cross_error_iou"
    return _iou(subject, as_bools(subject, errors_a, 2), as_bools(subject, errors_b, 2))


def chance_iou(rate_a: float, rate_b: float) -> float:
    """The error IoU to expect of independent mistakes: ``ab / (a + b - ab)``; in [0, 1].

    Two rates of 0 give 1.0, as in `error_iou`.

    Args:
        rate_a: error rate of one network, in [0, 1].
        rate_b: error rate of the other.

    Raises:
        WeightloomError: a rate outside [0, 1].

    Source: METRICS.md, Mode collapse (J0); a ratio of expectations, exact for many examples.
    """
    if not (0 <= rate_a <= 1 and 0 <= rate_b <= 1):
        raise refusal(
            "chance_iou",
            expected="rates in [0, 1]",
            got=(rate_a, rate_b),
            remedy="Pass shares, not percents.",
        )
    union = rate_a + rate_b - rate_a * rate_b
    return rate_a * rate_b / union if union > 0 else 1.0


def spread(errors: Bool[np.ndarray, "networks examples"]) -> float:
    """Mean of ``1 - error_iou`` over all pairs of networks; in [0, 1], higher is more diverse.

    Give it valid networks of one architecture only: half-broken networks have a wonderful spread.

    Args:
        errors: where each network is wrong.

    Raises:
        WeightloomError: fewer than two networks, or no example.
    """
    array = as_bools("spread", errors, 2)
    at_least("spread", len(array), 2, "networks")
    iou = _iou("spread", array, array)
    return float(np.mean(1.0 - iou[np.triu_indices(len(iou), k=1)]))


def collapse(spread_generated: float, spread_real: float) -> float:
    """``1 - min(1, spread of generated / spread of real)``; in [0, 1], lower is better.

    0 = at least as diverse as independent training, 1 = one network whatever the latent. If real networks
    have no spread at all, nothing can be less diverse: 0.

    Args:
        spread_generated: `spread` of generated networks.
        spread_real: `spread` of really trained ones of the same architecture.

    Raises:
        WeightloomError: a spread outside [0, 1], or NaN.
    """
    if not (0 <= spread_generated <= 1 and 0 <= spread_real <= 1):
        raise refusal(
            "collapse",
            expected="two spreads in [0, 1]",
            got=(spread_generated, spread_real),
            remedy="Take both from spread().",
        )
    return 0.0 if spread_generated >= spread_real else 1.0 - spread_generated / spread_real


def max_iou(
    errors_generated: Bool[np.ndarray, "generated examples"],
    errors_training: Bool[np.ndarray, "training examples"],
) -> Float[np.ndarray, " generated"]:
    """Highest error IoU of each generated network with any training network.

    In [0, 1]; 1 = it makes exactly the mistakes of a training network. Lower is newer, but read it against
    the same figure of held-out real networks.

    Args:
        errors_generated: where each generated network is wrong.
        errors_training: where each training network is wrong.

    Raises:
        WeightloomError: differing examples, or an empty set.
    """
    made, training = as_bools("max_iou", errors_generated, 2), as_bools("max_iou", errors_training, 2)
    highest: np.ndarray = _iou("max_iou", made, training).max(axis=1)
    return highest


def _iou(subject: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All overlaps by one matrix product; exact, for counts are whole numbers."""
    same_length(subject, a, b, axis=1)
    both = a.astype(np.float64) @ b.astype(np.float64).T
    either = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :] - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)
