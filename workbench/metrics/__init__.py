"""The figures of the workbench: one definition, one function, one place each.

Pure functions from arrays to numbers. Importing loads numpy but neither torch nor scipy.
"""

from workbench.metrics.calibration import ece, ensemble_score
from workbench.metrics.connectivity import edge_entropy, mask_iou, matched_mask_iou, sparsity
from workbench.metrics.distances import distance_to_mean_ratio, hellinger
from workbench.metrics.fidelity import fidelity, worst_decile
from workbench.metrics.intervals import Interval, bootstrap, paired_difference, resampled
from workbench.metrics.manifold import PRDC, Distances, mmd, one_nn, prdc
from workbench.metrics.matching import match_neurons, matched_distances, matched_l2
from workbench.metrics.novelty import nearest, replica_share, rho
from workbench.metrics.overlap import (
    chance_iou,
    collapse,
    cross_error_iou,
    error_iou,
    max_iou,
    pairwise_error_iou,
    spread,
)
from workbench.metrics.rank import noise_ceiling, rank_tau, rank_tau_top, regret_at
from workbench.metrics.registry import METRICS, Metric
from workbench.metrics.vendi import effective_rank, vendi
from workbench.metrics.verdict import Thresholds, Verdict, verdict

__all__ = [
    "METRICS",
    "PRDC",
    "Distances",
    "Interval",
    "Metric",
    "Thresholds",
    "Verdict",
    "bootstrap",
    "chance_iou",
    "collapse",
    "cross_error_iou",
    "distance_to_mean_ratio",
    "ece",
    "edge_entropy",
    "effective_rank",
    "ensemble_score",
    "error_iou",
    "fidelity",
    "hellinger",
    "mask_iou",
    "match_neurons",
    "matched_distances",
    "matched_l2",
    "matched_mask_iou",
    "max_iou",
    "mmd",
    "nearest",
    "noise_ceiling",
    "one_nn",
    "paired_difference",
    "pairwise_error_iou",
    "prdc",
    "rank_tau",
    "rank_tau_top",
    "regret_at",
    "replica_share",
    "resampled",
    "rho",
    "sparsity",
    "spread",
    "vendi",
    "verdict",
    "worst_decile",
]
