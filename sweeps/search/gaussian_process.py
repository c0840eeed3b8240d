"""A Gaussian process over several blocks of features, small and quick.

Dimensions: ``seen`` = architectures with scores, ``candidates``, ``features`` of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

Blocks = Sequence[np.ndarray]

START_NOISE = -3.0
BOUNDS = ((-3.0, 3.0), (-7.0, 1.0), (-6.0, 5.0))
ITERATIONS = 15


@final
@dataclass(frozen=True)
class Posterior:
    """What is believed of candidates.

    Attributes:
        mean, deviation: of the noise-free value, in units of the targets.
    """

    mean: Float[np.ndarray, " candidates"]
    deviation: Float[np.ndarray, " candidates"]


@final
class GaussianProcess:
    """Zero-mean regression with a Matérn 5/2 kernel over the weighted sum of squared distances of the blocks.

    ``k(x, x') = s (1 + √5 r + 5 r²/3) exp(−√5 r)``, ``r² = Σ_b w_b |x_b − x'_b|²``, with noise ``v`` on the
    diagonal. ``log s``, ``log v`` and ``log w_b`` maximise the likelihood times a unit normal prior around
    0, −3 and 0; so with few scores the weights stay near those of random architectures at distance 1.

    Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, equations 2.25–2.26 and 4.17.
    """

    def __init__(self, blocks: int) -> None:
        self._theta = np.array([0.0, START_NOISE] + [0.0] * blocks)

    def fit(self, seen: Blocks, targets: Float[np.ndarray, " seen"]) -> None:
        """Set the hyperparameters, from the last ones on."""
        squares = [_squares(block, block) for block in seen]
        prior = np.array([0.0, START_NOISE] + [0.0] * len(squares))

        def loss(theta: np.ndarray) -> float:
            kernel = self._kernel(theta, squares) + np.exp(theta[1]) * np.eye(len(targets))
            try:
                factor = cho_factor(kernel, lower=True, check_finite=False)
            except LinAlgError:
                return 1e9
            fit = 0.5 * float(targets @ cho_solve(factor, targets, check_finite=False))
            return fit + float(np.log(np.diag(factor[0])).sum()) + 0.5 * float(((theta - prior) ** 2).sum())

        bounds = (*BOUNDS[:2], *[BOUNDS[2]] * len(squares))
        self._theta = minimize(loss, self._theta, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS}).x

    def posterior(self, seen: Blocks, targets: Float[np.ndarray, " seen"], asked: Blocks) -> Posterior:
        """Beliefs about other architectures."""
        theta = self._theta
        kernel = self._kernel(theta, [_squares(block, block) for block in seen])
        factor = np.linalg.cholesky(kernel + np.exp(theta[1]) * np.eye(len(targets)))
        cross = self._kernel(theta, [_squares(a, b) for a, b in zip(seen, asked, strict=True)])
        mean = cho_solve((factor, True), targets, check_finite=False) @ cross
        reduced = solve_triangular(factor, cross, lower=True, check_finite=False)
        variance = np.exp(theta[0]) - (reduced**2).sum(axis=0)
        return Posterior(mean, np.sqrt(np.maximum(variance, 1e-9)))

    def _kernel(self, theta: np.ndarray, squares: Sequence[np.ndarray]) -> np.ndarray:
        total = sum(np.exp(weight) * block for weight, block in zip(theta[2:], squares, strict=True))
        root = np.sqrt(5.0 * np.asarray(total))
        return np.exp(theta[0]) * (1.0 + root + root**2 / 3.0) * np.exp(-root)


def _squares(
    a: Float[np.ndarray, "seen features"], b: Float[np.ndarray, "candidates features"]
) -> Float[np.ndarray, "seen candidates"]:
    """Squared distances; never negative."""
    inner = a.astype(np.float64) @ b.astype(np.float64).T
    sums = (a.astype(np.float64) ** 2).sum(axis=1)[:, None] + (b.astype(np.float64) ** 2).sum(axis=1)
    return np.maximum(sums - 2.0 * inner, 0.0)
