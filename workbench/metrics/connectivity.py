"""Does the emitted connectivity vary, and how sparse is it? Masks collapse too.

Dimensions: ``networks`` = latents of one architecture, ``neurons``, ``edges`` = optional connections.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool

from workbench.metrics.checks import as_bools, refusal
from workbench.metrics.matching import Layers, matched_l2
from workbench.metrics.overlap import spread


def mask_iou(masks: Bool[np.ndarray, "networks neurons"]) -> float:
    """Mean intersection over union of active neurons, over all pairs of networks.

    In [0, 1]; lower is more diverse, 1 = one mask whatever the latent. Two empty masks are equal: 1.0.

    Args:
        masks: True where a neuron is kept.

    Raises:
        WeightloomError: fewer than two networks, or no neuron.
    """
    return 1.0 - spread(as_bools("mask_iou", masks, 2))


def matched_mask_iou(masks: Sequence[Layers]) -> float:
    """``mask_iou`` of weights modulo the order of hidden neurons: what of the difference is more than relabelling.

    In [0, 1]; lower is more diverse. The neurons of each pair are matched as in ``match_neurons``, so for more than one
    hidden layer it is a lower bound of the overlap in the best order. Masks of independently trained networks hardly
    overlap mostly because nothing orders their neurons; those of one generator share an order.

    Args:
        masks: for each network the layers ``[out, in + 1]``, 1 where a weight is kept, the last column (bias) 0.

    Raises:
        WeightloomError: fewer than two networks, no weight is kept, or as ``match_neurons``.
    """
    sizes = [sum(float(layer.sum()) for layer in layers) for layers in masks]
    if len(masks) < 2 or not all(sizes):
        raise refusal(
            "matched_mask_iou",
            expected="at least 2 networks, each with a weight that is kept",
            got=sizes,
            remedy="Generate several networks for each architecture.",
        )
    found = []
    for i, j in combinations(range(len(masks)), 2):
        differing = matched_l2(masks[i], masks[j]) ** 2  # entries that only one of them keeps
        found.append((sizes[i] + sizes[j] - differing) / (sizes[i] + sizes[j] + differing))
    return float(np.mean(found))


def edge_entropy(gates: Bool[np.ndarray, "networks edges"]) -> float:
    """Mean binary entropy of each optional edge across latents, in bits.

    In [0, 1], higher is more diverse; 0 = each edge always open or always closed, 1 = each open half the
    time. A plug-in estimate, too low for few networks: compare at equal numbers.

    Args:
        gates: True where an edge is open.

    Raises:
        WeightloomError: no network, or no optional edge.
    """
    share = as_bools("edge_entropy", gates, 2).mean(axis=0)
    both = np.stack([share, 1.0 - share])
    # 0 log 0 = 0
    bits = -both * np.log2(both, out=np.zeros_like(both), where=both > 0)
    return float(bits.sum(axis=0).mean())


def sparsity(active: int, total: int) -> float:
    """Share that is not needed: ``1 - active / total``, of weights, neurons or edges alike.

    In [0, 1]; higher is sparser.

    Args:
        active: how many are left.
        total: how many there would be in the dense network.

    Raises:
        WeightloomError: counts other than 0 <= active <= total, or a total of 0.
    """
    if not (0 <= active <= total and total > 0):
        raise refusal(
            "sparsity",
            expected="0 <= active <= total and total > 0",
            got=f"active {active}, total {total}",
            remedy="Count both in the same unit, in the same network.",
        )
    return 1.0 - active / total
