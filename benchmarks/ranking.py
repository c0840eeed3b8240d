"""Do scores with generated weights rank architectures as real training does? ``python -m benchmarks.ranking``.

A generator is trained on the task's own loss over a pool of architectures, then emits weights for held-out ones;
Kendall's tau between these scores and those of real training stands beside what else could have ranked them: the
number of parameters, FLOPs, one epoch of training, weights generated for another architecture (the control that must
fall), and two independent trainings of each (the ceiling).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_spaces import operations
from weightloom.terminal import watching
from workbench import metrics
from workbench.evaluation import EvaluationConfig
from workbench.evaluation.controls import shuffled_scores
from workbench.experiment import run_family
from workbench.laboratory import Laboratory
from workbench.training import TrainingConfig
from workbench.yardstick import Predictions
from workbench.zoo import Recipe, ZooConfig, train_sorted


def interval(statistic: Callable[[np.ndarray, np.ndarray], float], a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """A statistic of two aligned lists with a 95 % bootstrap interval over architectures."""
    found = metrics.resampled(len(a), lambda i: statistic(a[i], b[i]), resamples=1000)
    return {"mean": found.mean, "low": found.low, "high": found.high}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rankings of the same held-out architectures."""
    zoo = ZooConfig(
        kind="independent",
        pool=options.pool,
        networks=4,
        test=options.held_out,
        validation=8,
        seeds=2,
        recipe=Recipe(steps=10),
        real_recipe=Recipe(steps=options.real_steps, input_noise=0.1),
        seed=options.seed,
    )
    training = TrainingConfig(
        mode="task",
        steps=options.steps,
        architectures=options.architectures,
        learning_rate=options.learning_rate,
        input_noise=0.1,
        sparse_share=0.0,
        seed=options.seed,
    )
    evaluation = EvaluationConfig(latents=options.latents, thorough=False)
    with watching() as display:

        def told(stage: str, done: int, total: int) -> None:
            display.progress(stage, done, total)

        laboratory = Laboratory.open(
            task=options.task,
            data=None,
            space=options.space,
            zoo=zoo,
            folder=options.runs / ".zoo",
            progress=told,
        )
        outcome = run_family(
            laboratory,
            options.family,
            {"latent_start": options.latent_start, "change": options.change},
            training,
            evaluation,
            told=told,
        )
    yardstick, task = laboratory.test, laboratory.task
    real = yardstick.scores.mean(1)
    epoch = Recipe(steps=max(10, math.ceil(len(task.train) / 64)), input_noise=0.1)
    brief = train_sorted(task, outcome.generator.tokenizer, yardstick.blueprints, range(len(real)), epoch)
    graphs = [blueprint.architecture for blueprint in yardstick.blueprints]
    predictors = {
        "generated": np.array([row.score for row in outcome.summary.architectures]),
        "generated, shuffled blueprints": np.nan_to_num(shuffled_scores(outcome.generator, yardstick, options.seed)),
        "parameters": np.array([float(operations.parameters(graph)) for graph in graphs]),
        "FLOPs": np.array([float(operations.flops(graph)) for graph in graphs]),
        "one epoch of training": Predictions.of(brief.networks, yardstick.split).scores,
        "chance": np.random.default_rng(options.seed).random(len(real)),
    }
    return {
        "options": {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()},
        "real": {"mean": float(real.mean()), "low": float(real.min()), "high": float(real.max())},
        "still_improving": laboratory.zoo.still_improving,
        "fidelity": outcome.summary.metrics["fidelity"].model_dump(),
        "rank_tau": {name: interval(metrics.rank_tau, scores, real) for name, scores in predictors.items()},
        "rank_tau_top": {name: metrics.rank_tau_top(scores, real) for name, scores in predictors.items()},
        "noise_ceiling": metrics.noise_ceiling(yardstick.scores),
        "train_seconds": outcome.summary.budget.seconds,
        "torch": torch.__version__,
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write them to ``benchmarks/results/ranking-SPACE.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mnist1d")
    parser.add_argument("--space", default="conv1d")
    parser.add_argument("--family", default="mlp")
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--pool", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--architectures", type=int, default=8, help="in one step of the generator's training")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--latent-start", type=float, default=0.1)
    parser.add_argument("--change", type=float, default=0.3)
    parser.add_argument("--real-steps", type=int, default=800)
    parser.add_argument("--latents", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args(arguments)
    found = measure(options)
    target = Path(__file__).parent / "results" / f"ranking-{options.space}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    print(f"written to {target}")


if __name__ == "__main__":
    main()
