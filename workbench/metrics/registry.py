"""What each figure means, for ``weightloom list metrics`` and the report's hover texts.

Imports nothing but the standard library: the command line reads it at each start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_OURS = "docs: what the workbench measures"


@dataclass(frozen=True)
class Metric:
    """The meaning of one figure.

    Attributes:
        name: as in tables and files.
        definition: one plain sentence.
        unit: what it is counted in; "ratio" and "share" are pure numbers.
        low: the lowest possible value; None = unbounded.
        high: the highest possible value; None = unbounded.
        better: ``up``, ``down``, or ``near`` a value.
        near: that value; None beside ``near`` = it depends on the task, as the definition says.
        source: paper, or our own page.
    """

    name: str
    definition: str
    unit: str = "share"
    low: float | None = 0.0
    high: float | None = 1.0
    better: Literal["up", "down", "near"] = "up"
    near: float | None = None
    source: str = _OURS


# fmt: off
_ALL = (
    # Fidelity: is it as good as training?
    Metric("score", "Test score of the networks in the task's own measure, accuracy for classification.",
           "task's score", None, None, source="the task"),
    Metric("fidelity", "Score with generated weights over score after training, mean over architectures.",
           "ratio", high=None),
    Metric("fidelity_worst_decile", "Mean fidelity over the worst tenth of test architectures.",
           "ratio", high=None),
    Metric("rank_tau", "Kendall's tau-b between scores with generated weights and scores after training.",
           "correlation", low=-1.0, source="Kendall 1945"),
    Metric("rank_tau_top", "The same tau-b among the architectures that are really the best tenth.",
           "correlation", low=-1.0, source="Kendall 1945"),
    Metric("noise_ceiling", "Tau-b between two independent halves of real training: the best to hope for.",
           "correlation", low=-1.0),
    Metric("regret_at_1", "Best real score of all, minus the real score of the architecture ranked first.",
           "task's score", high=None, better="down"),
    Metric("regret_at_5", "Best real score of all, minus the best real score among the five ranked first.",
           "task's score", high=None, better="down"),
    Metric("init_loss", "Loss before the generator is trained, which should be about ln(number of classes).",
           "nats", high=None, better="near"),
    Metric("shuffled_fidelity", "Fidelity with shuffled blueprints, a control that must fall below fidelity.",
           "ratio", high=None, better="down"),
    Metric("ensemble_score", "Accuracy of the mean predicted probability of several networks."),
    Metric("ece", "Mean gap between confidence and accuracy, over 15 bins of confidence.",
           better="down", source="Guo et al. 2017"),
    # Collapse: different latents, different networks?
    Metric("collapse", "Lost share of the diversity that independent training has; 1 = always one network.",
           better="down"),
    Metric("error_iou", "Overlap of the test examples that two networks get wrong, mean over pairs.",
           better="down", source="Jaccard 1912"),
    Metric("error_iou_chance", "The error overlap that independent mistakes at these error rates would give.",
           better="down"),
    Metric("vendi", "Effective number of different networks, by the overlap of their errors.",
           "networks", low=1.0, high=None, source="Friedman & Dieng 2023"),
    Metric("effective_rank", "Effective number of dimensions that the weights of the networks span.",
           "dimensions", low=1.0, high=None, source="Roy & Vetterli 2007"),
    Metric("precision", "Share of generated networks that lie among real ones, by what they predict.",
           source="Kynkäänniemi et al. 2019"),
    Metric("recall", "Share of real networks that lie among generated ones, by what they predict.",
           source="Kynkäänniemi et al. 2019"),
    Metric("density", "How many real neighbourhoods hold a generated network, over the number expected.",
           "ratio", high=None, better="near", near=1.0, source="Naeem et al. 2020"),
    Metric("coverage", "Share of real networks that have a generated one in their neighbourhood.",
           source="Naeem et al. 2020"),
    Metric("mmd", "Squared kernel distance between generated and real predictions; 0 = one distribution.",
           "squared distance", low=-2.0, high=2.0, better="down", source="Gretton et al. 2012"),
    Metric("one_nn", "Accuracy of telling generated from real networks by their nearest neighbour.",
           better="near", near=0.5, source="Lopez-Paz & Oquab 2017"),
    Metric("mask_iou", "Overlap of the weights that two sparse networks of one architecture keep, mean over pairs.",
           better="down"),
    Metric("edge_entropy", "How much each optional edge varies between latents, mean over edges.", "bits"),
    # Novelty: new, or a copy?
    Metric("max_iou", "Highest error overlap of a generated network with any training network.",
           better="down"),
    Metric("max_iou_real", "The same highest overlap for held-out real networks, against which to read it.",
           better="down"),
    Metric("nearest_l2", "Weight distance to the nearest training network, whatever the order of neurons.",
           "weights", high=None, source="Ainsworth et al. 2023"),
    Metric("rho", "Weight distance to the nearest training network, over that of a held-out real network.",
           "ratio", high=None, better="near", near=1.0),
    Metric("rho_function", "Distance in predictions to the nearest training network, over a real network's.",
           "ratio", high=None, better="near", near=1.0),
    Metric("distance_to_mean_ratio", "Distance to the mean training prediction, over a real network's.",
           "ratio", high=None, better="near", near=1.0),
    Metric("copy_share", "Share of networks far nearer to one training network than to any second (d1/d2).",
           better="down", source="Yoon et al. 2023"),
    Metric("gap", "Score above noise on the nearest training network, at the same diversity between latents.",
           "task's score", None, None),
    Metric("gap_oracle", "Score above noise on a network trained for that architecture, at the same diversity.",
           "task's score", None, None),
    Metric("gap_novelty", "Score above noise on the nearest training network, at the same novelty.",
           "task's score", None, None),
    Metric("gap_novelty_oracle", "Score above noise on a network trained for that architecture, at the same novelty.",
           "task's score", None, None),
    Metric("valid", "Share of generated networks that score like real ones, less a stated margin."),
    # Sparsity: how little is needed?
    Metric("sparsity", "Share of parameters that are zero weights or are removed with closed neurons and wires."),
    Metric("neurons_removed", "Share of hidden neurons that are removed."),
    Metric("edges_closed", "Share of optional edges that are closed."),
    Metric("active_parameters", "Parameters of the compacted network, without weights that are zero.",
           "parameters", high=None, better="down"),
    Metric("active_flops", "Floating-point operations of the compacted network for one example.",
           "FLOPs", high=None, better="down"),
    # Cost
    Metric("latency_ms", "Time to generate one network, where many are generated in one batch.",
           "ms", high=None, better="down"),
    Metric("latency_single_ms", "Time to generate one network by itself.", "ms", high=None, better="down"),
    Metric("nfe", "Forward passes of the generator for one network.", "passes", high=None, better="down"),
    Metric("train_seconds", "Time to train the generator, without its zoo.", "s", high=None, better="down"),
    Metric("zoo_seconds", "Time to train the zoo that it learned from.", "s", high=None, better="down"),
    Metric("peak_mb", "Highest memory of the process while networks are generated.", "MB", high=None, better="down"),
    # Stability
    Metric("latent_lipschitz", "How far predictions move (Hellinger) for a small move of the latent, over that move.",
           "ratio", high=None, better="down"),
)
# fmt: on

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
