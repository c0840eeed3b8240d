"""Is a generated network as good as a trained one?

Dimensions: ``architectures``, ``latents`` = generated networks of one architecture, ``seeds`` = really
trained networks of it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from workbench.metrics.checks import as_floats, refusal, same_length


def fidelity(
    scores: Float[np.ndarray, "architectures latents"],
    real_scores: Float[np.ndarray, "architectures seeds"],
) -> Float[np.ndarray, " architectures"]:
    """Mean score with generated weights over mean score after training, per architecture.

    Ratio in [0, inf); higher is better, 1 = as good as training. Its mean over architectures (see
    `bootstrap`) is the figure ``fidelity``. A generated score that is NaN, infinite or None is a failure:
    it counts as 0 and is never dropped.

    Args:
        scores: scores of generated networks, higher better, at least 0.
        real_scores: scores of trained networks. All must be finite: a failed training counted as 0 would
            lower the yardstick and flatter the generator.

    Raises:
        WeightloomError: different architectures, a broken real score, a negative score, or an
            architecture whose mean real score is 0.

    Source: METRICS.md, Fidelity.
    """
    made = as_floats("fidelity: scores", scores, 2, finite=False)
    real = as_floats("fidelity: real_scores", real_scores, 2)
    same_length("fidelity", made, real, axis=0)
    made = np.where(np.isfinite(made), made, 0.0)
    yardstick = real.mean(axis=1)
    if made.min() < 0 or real.min() < 0 or yardstick.min() <= 0:
        raise refusal(
            "fidelity",
            expected="scores of at least 0 and a positive mean real score for each architecture",
            got=f"lowest score {min(made.min(), real.min())}, lowest real mean {yardstick.min()}",
            remedy="Use a score that is higher for better, such as accuracy, not a loss.",
        )
    ratios: np.ndarray = made.mean(axis=1) / yardstick
    return ratios


def worst_decile(ratios: Float[np.ndarray, " architectures"]) -> float:
    """Mean of the lowest tenth of the ratios (rounded up, so at least one architecture).

    Unit, range and direction are those of the ratios: for `fidelity` in [0, inf), higher is better.

    Args:
        ratios: one figure per architecture.

    Raises:
        WeightloomError: no ratios, or a NaN or infinity.
    """
    array = np.sort(as_floats("worst_decile", ratios, 1))
    return float(array[: -(-array.size // 10)].mean())
