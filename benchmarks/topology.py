"""Does a network that is emitted whole beat a random one with emitted weights? ``python -m benchmarks.topology``.

For each space a weight generator learns by the task's own loss over random architectures, then a topology generator
learns to emit architectures that score well with its weights on validation data. Measured on test data: scores of
emitted architectures against random ones under the same rules and budget, both with weights of the same generator, at
several budgets. And of a thousand samples, half-way up the budgets: how many are valid, differ, and keep the rules,
by a check that knows nothing of how they were made; the same for one that was never trained, and for random ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.parts import three, write_result
from generators.topology import TopologyGenerator, budget
from search_spaces import SPACES, Architecture, SearchSpace, WeightloomError
from search_spaces.operations import flops
from search_spaces.rules import Emission, Rules, violations
from weightloom.terminal import watching
from workbench import metrics
from workbench.guide import GeneratedScores, GuideConfig, open_guide
from workbench.tasks import load_task
from workbench.topology import TopologyTrained, TopologyTraining, train_topology

RULES: dict[str, dict[str, Any]] = {
    "dag": {"forbid": "attention before stage 2", "max_depth": 8},
    "mlp": {"max_depth": 3, "max_parameters": 4000},
}
HARD: dict[str, dict[str, Any]] = {
    "dag": {"forbid": "attention before stage 2", "max_depth": 8, "end_in": "pool"},
    "mlp": {"min_depth": 3, "max_parameters": 2000},
}
"""Few random architectures keep these, which only whole ones can be tested for."""
SETTINGS: dict[str, dict[str, int | float]] = {
    "dag": {"d": 32, "hidden": 96, "layers": 2, "latent": 8, "latent_start": 0.1, "change": 0.3},
    "mlp": {"d": 32, "hidden": 96, "layers": 2, "latent": 8, "latent_start": 0.1},
}
PLACES = (0.25, 0.5, 0.75)
"""Budgets, from the least (0) to the most (1) that the generator was trained for, in logarithms."""
DECILES = tuple(i / 10 for i in range(11))

Emit = Callable[[Sequence[int], float | None, Rules], list[Architecture]]


def emitter(space: SearchSpace, generator: TopologyGenerator) -> Emit:
    """Of a topology generator."""
    return lambda seeds, most, rules: generator.emit(space, seeds, most, rules)


def at_random(space: SearchSpace) -> Emit:
    """Of the control: every choice drawn evenly, under the same rules and budget."""

    def emit(seeds: Sequence[int], most: float | None, rules: Rules) -> list[Architecture]:
        emission = Emission(space, budget(rules, most))
        return [emission.sample(np.random.default_rng(seed)) for seed in seeds]

    return emit


def is_valid(space: SearchSpace, architecture: Architecture) -> bool:
    """Whether the space would build it."""
    try:
        space.validate(architecture)
    except WeightloomError:
        return False
    return True


def counted(space: SearchSpace, emit: Emit, count: int, most: float, rules: Rules) -> dict[str, Any]:
    """What so many samples are, whatever they score."""
    began = time.process_time()
    found = emit(range(count), most, rules)
    seconds = time.process_time() - began
    kept = budget(rules, most)
    return {
        "samples": count,
        "valid": float(np.mean([is_valid(space, one) for one in found])),
        "distinct": len({one.key for one in found}) / count,
        "violations": sum(bool(violations(one, kept)) for one in found),
        "samples_a_second": count / seconds,
        "budget_used": three(np.array([flops(one) / most for one in found])),
    }


def scored(scorer: GeneratedScores, emit: Emit, seeds: Sequence[int], most: float, rules: Rules) -> np.ndarray:
    """Test scores with generated weights."""
    return scorer.scores(emit(seeds, most, rules))


def described(emitted: np.ndarray, random: np.ndarray) -> dict[str, Any]:
    """Both distributions, and the difference of their means with its interval."""
    difference = metrics.paired_difference(emitted, random)  # pairs by chance: both sides are drawn independently
    return {
        "emitted": {"mean": three(emitted), "deciles": np.quantile(emitted, DECILES).tolist()},
        "random": {"mean": three(random), "deciles": np.quantile(random, DECILES).tolist()},
        "difference": [difference.mean, difference.low, difference.high],
    }


def one_seed(options: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """Train both generators and measure."""
    task = load_task("digits")
    space: SearchSpace = SPACES.load(name)(inputs=task.inputs, outputs=task.classes, shape=task.shape)
    steps = options.dag_steps if name == "dag" else options.mlp_steps
    config = GuideConfig(settings=SETTINGS[name], steps=steps, architectures=4)
    guide = open_guide(task, space, config, seed, options.runs / ".guides", 0.1)
    training = TopologyTraining(steps=options.steps, architectures=options.architectures, seed=seed)
    with watching() as display:
        trained = train_topology(
            space, guide.scores, training, told=lambda done, total: display.progress(f"{name} {seed}", done, total)
        )
    scorer = replace(guide, task=replace(task, validation=task.test))
    return {"seed": seed, "weights_seconds": guide.seconds} | measured(options, space, trained, scorer)


def measured(
    options: argparse.Namespace, space: SearchSpace, trained: TopologyTrained, scorer: GeneratedScores
) -> dict[str, Any]:
    """All figures of one trained topology generator."""
    config = trained.generator.config
    emit, random = emitter(space, trained.generator), at_random(space)
    untrained = emitter(space, TopologyGenerator(config))
    rules, hard = Rules.of(RULES[space.name]), Rules.of(HARD[space.name])
    budgets = [config.least_flops * (config.most_flops / config.least_flops) ** place for place in PLACES]
    middle = budgets[len(budgets) // 2]
    seeds = range(10**6, 10**6 + options.scored)
    return {
        "topology_seconds": trained.seconds,
        "curve": [list(point) for point in trained.curve],
        "budgets": budgets,
        "counts": {
            "trained": counted(space, emit, options.samples, middle, rules),
            "untrained": counted(space, untrained, options.samples, middle, rules),
            "random": counted(space, random, options.samples, middle, rules),
            "trained, hard rules": counted(space, emit, options.hard_samples, middle, hard),
        },
        "scores": {
            f"{most:.4g} FLOPs": described(
                scored(scorer, emit, seeds, most, rules), scored(scorer, random, seeds, most, rules)
            )
            for most in budgets
        },
    }


def show(name: str, found: dict[str, Any]) -> None:
    """Two tables."""
    print(
        f"{name}, seed {found['seed']}: weights {found['weights_seconds']:.0f} s, topology "
        f"{found['topology_seconds']:.0f} s"
    )
    print("| samples | valid | distinct | break a rule | a second | of the budget |")
    print("|---" * 6 + "|")
    for row, c in found["counts"].items():
        print(
            f"| {row}, {c['samples']} | {c['valid']:.1%} | {c['distinct']:.1%} | {c['violations']} | "
            f"{c['samples_a_second']:.0f} | {c['budget_used'][0]:.2f} |"
        )
    print("| budget | emitted | random | difference | deciles of emitted | of random |")
    print("|---" * 6 + "|")
    for row, s in found["scores"].items():
        deciles = [" ".join(f"{value:.3f}" for value in s[side]["deciles"]) for side in ("emitted", "random")]
        means = " | ".join(f"{s[side]['mean'][0]:.4f}" for side in ("emitted", "random"))
        print(f"| {row} | {means} | {{:+.4f}} [{{:+.4f}}, {{:+.4f}}] | ".format(*s["difference"]) + " | ".join(deciles))


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write ``benchmarks/results/topology.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spaces", nargs="+", default=["dag", "mlp"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of both trainings")
    parser.add_argument("--dag-steps", type=int, default=300, help="of the weight generator's training on dag")
    parser.add_argument("--mlp-steps", type=int, default=600, help="and on mlp")
    parser.add_argument("--steps", type=int, default=120, help="of the topology generator's training")
    parser.add_argument("--architectures", type=int, default=16, help="in each of them")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--hard-samples", type=int, default=100)
    parser.add_argument("--scored", type=int, default=200, help="architectures of each side and budget")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options, began = parser.parse_args(arguments), time.perf_counter()
    torch.set_flush_denormal(True)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in options.spaces}
    for name in options.spaces:
        for seed in options.seeds:
            rows[name].append(one_seed(options, name, seed))
            show(name, rows[name][-1])
    write_result("topology", options, {"rules": RULES, "hard_rules": HARD, "spaces": rows}, began)


if __name__ == "__main__":
    main()
