"""Do generated weights order architectures as real training does?

Dimensions: ``architectures``, ``seeds`` = independent real trainings of one architecture.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from workbench.metrics.checks import as_floats, at_least, refusal, same_length

_TOP_MINIMUM = 5


def rank_tau(predicted: Float[np.ndarray, " architectures"], real: Float[np.ndarray, " architectures"]) -> float:
    """Kendall's tau-b between predicted and real scores.

    In [-1, 1], higher is better; 0 = no relation. Deviation: where either side is constant tau-b is
    undefined and we return 0.0, for such a predictor orders nothing.

    Args:
        predicted: any figure by which to rank; NaN = failed, ranks below all others.
        real: score after real training, higher better, finite.

    Raises:
        WeightloomError: fewer than two architectures, differing lengths, a broken real score.

    Source: Kendall 1945, The treatment of ties in ranking problems (scipy.stats.kendalltau).
    """
    from scipy.stats import kendalltau

    ranks, truth = _pair("rank_tau", predicted, real)
    if np.ptp(ranks) == 0 or np.ptp(truth) == 0:
        return 0.0
    return float(kendalltau(ranks, truth).statistic)


def rank_tau_top(
    predicted: Float[np.ndarray, " architectures"],
    real: Float[np.ndarray, " architectures"],
    *,
    share: float = 0.1,
) -> float:
    """`rank_tau` among the architectures that really are best; in [-1, 1], higher is better.

    Takes the top ``share`` by real score (rounded up), but at least five architectures, or all where there
    are fewer; architectures that tie with the last one taken are taken too.

    Args:
        predicted: as for `rank_tau`.
        real: as for `rank_tau`.
        share: in (0, 1].

    Raises:
        WeightloomError: as `rank_tau`, or a share outside (0, 1].
    """
    ranks, truth = _pair("rank_tau_top", predicted, real)
    if not 0 < share <= 1:
        raise refusal("rank_tau_top", expected="a share in (0, 1]", got=share, remedy="0.1 = top tenth.")
    # 0.1 * 30 is 3.0000000000000004, whose ceiling would be 4
    count = min(truth.size, max(_TOP_MINIMUM, math.ceil(share * truth.size - 1e-9)))
    top = truth >= np.sort(truth)[-count]
    return rank_tau(ranks[top].astype(np.float64), truth[top])


def regret_at(
    predicted: Float[np.ndarray, " architectures"], real: Float[np.ndarray, " architectures"], k: int
) -> float:
    """Best real score of all minus the best among the ``k`` predicted highest.

    In the unit of the score, in [0, inf), lower is better. Ties at rank ``k`` are broken against the
    predictor (the really worse architecture first), so that a constant predictor earns nothing by luck.

    Args:
        predicted: as for `rank_tau`.
        real: as for `rank_tau`.
        k: how many may be trained; more than there are means all.

    Raises:
        WeightloomError: as `rank_tau`, or ``k`` below 1.
    """
    ranks, truth = _pair("regret_at", predicted, real)
    at_least("regret_at", k, 1, "architectures to pick (k)")
    picked = np.lexsort((truth, -ranks))[:k]
    return float(truth.max() - truth[picked].max())


def noise_ceiling(real_scores: Float[np.ndarray, "architectures seeds"], *, seed: int = 0, splits: int = 20) -> float:
    """Tau-b of real training with itself: what a predictor can reach; in [-1, 1].

    The seeds are split at random into two disjoint halves (one is left out of an odd number), each half is
    averaged, and tau-b between the halves is averaged over ``splits`` splits. Halves are noisier than the
    mean of all seeds, so this is a careful, slightly low ceiling.

    Args:
        real_scores: score of each independent training.
        seed: of the splits.
        splits: how many splits to average.

    Raises:
        WeightloomError: fewer than two seeds or architectures, a broken score.
    """
    scores = as_floats("noise_ceiling", real_scores, 2)
    at_least("noise_ceiling", scores.shape[1], 2, "seeds")
    at_least("noise_ceiling", splits, 1, "splits")
    half = scores.shape[1] // 2
    rng = np.random.default_rng(seed)
    taus = []
    for _ in range(splits):
        order = rng.permutation(scores.shape[1])
        first, second = scores[:, order[:half]], scores[:, order[half : 2 * half]]
        taus.append(rank_tau(first.mean(axis=1), second.mean(axis=1)))
    return float(np.mean(taus))


def _pair(subject: str, predicted: npt.ArrayLike, real: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Dense ranks of the predictions (NaN lowest) and the real scores."""
    guess = as_floats(f"{subject}: predicted", predicted, 1, finite=False)
    truth = as_floats(f"{subject}: real", real, 1)
    same_length(subject, guess, truth, axis=0)
    at_least(subject, truth.size, 2, "architectures")
    return np.unique(np.where(np.isnan(guess), -np.inf, guess), return_inverse=True)[1], truth
