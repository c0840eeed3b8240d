"""How many different networks are there, effectively?

Dimensions: ``networks``, ``weights`` = all weights of a network in one row.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from workbench.metrics.checks import as_floats, refusal

_ROUNDING = 1e-6


def vendi(kernel: Float[np.ndarray, "networks networks"]) -> float:
    """Vendi score: exp of the von Neumann entropy of ``kernel / networks``.

    A number of networks, in [1, networks]; higher is better. 1 = all alike, ``networks`` = all unrelated.

    Args:
        kernel: similarities, symmetric and positive semi-definite with ones on the diagonal, such as
            `pairwise_error_iou`.

    Raises:
        WeightloomError: not square, not symmetric, a diagonal other than 1, or clearly not positive
            semi-definite.

    Source: Friedman & Dieng 2023, The Vendi Score, definition 3.1.
    """
    matrix = as_floats("vendi", kernel, 2)
    square = matrix.shape[0] == matrix.shape[1]
    if not square or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1.0):
        raise refusal(
            "vendi",
            expected="a symmetric similarity matrix with ones on the diagonal",
            got=f"shape {matrix.shape}, diagonal from {np.diag(matrix).min()} to {np.diag(matrix).max()}",
            remedy="Pass similarities such as pairwise_error_iou(errors), not distances.",
        )
    eigenvalues = np.linalg.eigvalsh((matrix + matrix.T) / 2) / len(matrix)
    if eigenvalues[0] < -_ROUNDING:
        raise refusal(
            "vendi",
            expected="a positive semi-definite kernel",
            got=f"an eigenvalue of {eigenvalues[0]}",
            remedy="Use a kernel, such as error IoU or exp(-distance).",
        )
    return _perplexity(eigenvalues)


def effective_rank(weights: Float[np.ndarray, "networks weights"]) -> float:
    """Effective rank: exp of the entropy of the normalised singular values.

    A number of dimensions, in [1, min(networks, weights)]; higher is better. The rows are not centred, as
    in the paper, so that one network repeated gives 1; only zeros also give 1 (undefined in the paper).

    Args:
        weights: one row per network, of equal architecture.

    Raises:
        WeightloomError: no weights, or a NaN or infinity.

    Source: Roy & Vetterli 2007, The effective rank, definition 1.
    """
    values = np.linalg.svd(as_floats("effective_rank", weights, 2), compute_uv=False)
    total = values.sum()
    return _perplexity(values / total) if total > 0 else 1.0


def _perplexity(shares: np.ndarray) -> float:
    """Exp of the Shannon entropy; shares at or below 0 (rounding) add nothing."""
    shares = shares[shares > 0]
    return float(np.exp(-np.sum(shares * np.log(shares))))
