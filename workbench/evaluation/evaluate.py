"""All figures of one generator on held-out architectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from generators.generated import Generated
from generators.generator import Generator
from workbench import metrics
from workbench.evaluation import controls
from workbench.evaluation.config import EvaluationConfig
from workbench.evaluation.connectivity import connectivity
from workbench.evaluation.diversity import alone, collapse_interval, novelty, spreads, verdict_of
from workbench.evaluation.frontier import Place, gaps, noise_frontiers
from workbench.evaluation.sparsity import share_removed, sparsity_curve
from workbench.export.compaction import costs
from workbench.metrics import Interval
from workbench.summary import ArchitectureRow, CurvePoint, Estimate, Verdict
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo import Zoo

# dimension names: architectures, latents, networks = architectures x latents (architecture-major)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured; each part as in ``workbench.summary.GeneratorSummary``."""

    metrics: Mapping[str, Estimate]
    verdict: tuple[Verdict, ...]
    architectures: tuple[ArchitectureRow, ...]
    curve: tuple[CurvePoint, ...]
    overlap: tuple[tuple[float, ...], ...]


def evaluate(
    generator: Generator,
    zoo: Zoo,
    yardstick: Yardstick,
    validation: Yardstick,
    config: EvaluationConfig,
) -> Evaluation:
    """Generate ``latents`` networks for every architecture of ``yardstick`` and measure them.

    Args:
        generator: trained or fitted.
        zoo: its training networks are what novelty is measured against.
        yardstick: held-out architectures on the split that is reported.
        validation: the same architectures on the validation split, which decides validity.
        config: sizes.
    """
    blueprints = yardstick.repeated(config.latents)
    seeds = [config.seed + i for i in range(len(blueprints))]
    networks = generator.generate(blueprints, seeds, config.density, config.weights)
    found, predictions, valid = measure(networks, yardstick, validation, config)
    found["nfe"] = alone(generator.evaluations, 1)
    curve: list[CurvePoint] = []
    if config.thorough:
        found |= controls.latency(generator, yardstick, config.latents)
        found |= controls.weight_novelty(networks, yardstick, zoo, config.latents)
        found |= gaps(Place.of(predictions, yardstick), noise_frontiers(zoo, yardstick, config.latents))
        found |= controls.latent_lipschitz(generator, yardstick, config.seed)
        shuffled = controls.shuffled_scores(generator, yardstick, config.seed)
        found["shuffled_fidelity"] = metrics.bootstrap(metrics.fidelity(shuffled[:, None], yardstick.scores))
        if config.curve or config.weights_curve:
            whole = config.density == config.weights == 1.0
            dense = networks if whole else generator.generate(blueprints, seeds)
            curve = sparsity_curve(generator, dense, yardstick, config)
    return report(found, predictions, valid, yardstick, config.latents, curve)


def evaluate_real(yardstick: Yardstick, validation: Yardstick) -> Evaluation:
    """The row of really trained networks: the same figures for the yardstick's own networks."""
    config = EvaluationConfig(latents=yardstick.seeds)
    found, predictions, valid = measure(yardstick.networks, yardstick, validation, config)
    found["noise_ceiling"] = alone(metrics.noise_ceiling(yardstick.scores), len(yardstick.scores))
    return report(found, predictions, valid, yardstick, yardstick.seeds, [])


def measure(
    networks: Generated, yardstick: Yardstick, validation: Yardstick, config: EvaluationConfig
) -> tuple[dict[str, Interval], Predictions, np.ndarray]:
    """Figures that need no generator, predictions on ``yardstick`` and validity ``[architectures, latents]``."""
    predictions = Predictions.of(networks, yardstick.split)
    on_validation = Predictions.of(networks, validation.split).scores.reshape(-1, config.latents)
    floor = validation.scores.mean(1, keepdims=True) - config.valid_margin
    valid = np.nan_to_num(on_validation, nan=-1.0) >= floor
    scores = predictions.scores.reshape(-1, config.latents)
    ratios = metrics.fidelity(scores, yardstick.scores)
    means, real = np.nan_to_num(scores).mean(1), yardstick.scores.mean(1)
    active, operations = (count.numpy().astype(np.float64) for count in costs(networks))
    per_architecture = predictions.probabilities.reshape(
        len(scores), config.latents, *predictions.probabilities.shape[1:]
    )
    found = {
        "score": metrics.bootstrap(means),
        "fidelity": metrics.bootstrap(ratios),
        "fidelity_worst_decile": _resampled(ratios, metrics.worst_decile),
        "rank_tau": _resampled_pair(means, real, metrics.rank_tau),
        "rank_tau_top": _resampled_pair(means, real, metrics.rank_tau_top),
        "regret_at_1": alone(metrics.regret_at(means, real, 1), len(real)),
        "regret_at_5": alone(metrics.regret_at(means, real, min(5, len(real))), len(real)),
        "valid": metrics.bootstrap(valid.mean(1)),
        "sparsity": metrics.bootstrap(share_removed(networks, active)),
        "active_parameters": metrics.bootstrap(active),
        "active_flops": metrics.bootstrap(operations),
        "ensemble_score": metrics.bootstrap(
            np.array([metrics.ensemble_score(own, yardstick.labels) for own in per_architecture])
        ),
        **connectivity(networks, config.latents),
    }
    own = spreads(predictions.errors, valid)
    collapse = collapse_interval(own, yardstick.spreads)
    if collapse is not None:
        found["collapse"] = collapse
    return found | novelty(predictions, valid, yardstick), predictions, valid


def report(
    found: dict[str, Interval],
    predictions: Predictions,
    valid: np.ndarray,
    yardstick: Yardstick,
    latents: int,
    curve: list[CurvePoint],
) -> Evaluation:
    """The records of a summary from raw figures."""
    judged = verdict_of(found)
    scores = predictions.scores.reshape(-1, latents)
    ratios = metrics.fidelity(scores, yardstick.scores)
    own = spreads(predictions.errors, valid)
    nearest = metrics.max_iou(predictions.errors, yardstick.training.errors).reshape(-1, latents).mean(1)
    rows = [
        ArchitectureRow(
            key=blueprint.key,
            name=str(blueprint.architecture),
            parameters=blueprint.parameter_count,
            score=float(np.nan_to_num(scores[i]).mean()),
            real_score=float(yardstick.scores[i].mean()),
            fidelity=float(ratios[i]),
            collapse=None
            if not np.isfinite(own[i]) or yardstick.spreads[i] == 0
            else metrics.collapse(float(own[i]), float(yardstick.spreads[i])),
            max_iou=float(nearest[i]),
        )
        for i, blueprint in enumerate(yardstick.blueprints)
    ]
    shown = len(rows) // 2
    overlap = metrics.pairwise_error_iou(predictions.errors[shown * latents : (shown + 1) * latents])
    return Evaluation(
        metrics={name: Estimate.of(value) for name, value in found.items()},
        verdict=labelled(judged),
        architectures=tuple(rows),
        curve=tuple(curve),
        overlap=tuple(tuple(row) for row in overlap.tolist()),
    )


def labelled(judged: metrics.Verdict) -> tuple[Verdict, ...]:
    """A verdict as records: each label with the reason that decided."""
    pairs = zip(judged.labels, judged.reasons, strict=False)
    return tuple(Verdict(label=label, reason=reason) for label, reason in pairs)


def _resampled(values: np.ndarray, statistic: object, seed: int = 0) -> Interval:
    assert callable(statistic)
    return _resampled_pair(values, values, lambda a, _: statistic(a), seed)


def _resampled_pair(a: np.ndarray, b: np.ndarray, statistic: object, seed: int = 0, resamples: int = 300) -> Interval:
    """Percentile bootstrap over architectures of any figure of two aligned lists."""
    assert callable(statistic)
    return metrics.resampled(len(a), lambda i: statistic(a[i], b[i]), seed=seed, resamples=resamples)
