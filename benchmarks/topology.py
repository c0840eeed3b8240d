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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import three, write_result
from benchmarks.spaces import is_valid
from generators.topology import TopologyGenerator, budget
from search_spaces import SPACES, Architecture, SearchSpace
from search_spaces.operations import flops
from search_spaces.rules import Emission, Rules, violations
from weightloom.terminal import watching
from workbench import metrics
from workbench.execution import settle
from workbench.guide import GeneratedScores, GuideConfig, open_guide
from workbench.tasks import Task, load_task
from workbench.topology import TopologyTrained, TopologyTraining, train_topology


@dataclass(frozen=True, kw_only=True)
class Case:
    """A space, and how its weight generator learns.

    Attributes:
        space: as registered.
        arguments: of the space.
        guide: how weights are learned.
        rules: that all architectures keep.
        hard: rules that few random architectures keep, some of which only whole ones can be tested for.
    """

    space: str
    arguments: dict[str, Any]
    guide: GuideConfig
    rules: dict[str, Any]
    hard: dict[str, Any]

    def open(self, task: Task) -> SearchSpace:
        """The space for a task's examples."""
        made: SearchSpace = SPACES.load(self.space)(
            inputs=task.inputs, outputs=task.classes, shape=task.shape, **self.arguments
        )
        return made


SMALL = {"d": 32, "hidden": 96, "layers": 2, "latent": 8}
CASES = {
    "mlp": Case(
        space="mlp",
        arguments={},
        guide=GuideConfig(settings={**SMALL, "latent_start": 0.1}, steps=600, architectures=4),
        rules={"max_depth": 3, "max_parameters": 4000},
        hard={"min_depth": 3, "max_parameters": 2000},
    ),
    "small dag": Case(
        space="dag",
        arguments={
            "nodes": (2, 3, 4),
            "norms": ("group",),
            "operations": ("conv", "depthwise", "pool", "add", "concat"),
            "widths": (16, 32),
            "activations": ("relu",),
        },
        guide=GuideConfig(settings={**SMALL, "latent_start": 0.0}, steps=4000, architectures=4, learning_rate=1e-3),
        rules={"forbid": "pool before depth 2", "max_depth": 5},
        hard={"max_depth": 5, "end_in": "pool"},
    ),
    "dag": Case(
        space="dag",
        arguments={},
        guide=GuideConfig(settings={**SMALL, "latent_start": 0.1, "change": 0.3}, steps=300, architectures=4),
        rules={"forbid": "attention before stage 2", "max_depth": 8},
        hard={"forbid": "attention before stage 2", "max_depth": 8, "end_in": "pool"},
    ),
}
"""Weights of ``dag`` stay at chance in so short a time; there only what is counted says something. Its small part, in
which all latents share their weights at first, is learned."""
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
    task, case = load_task("digits"), CASES[name]
    space = case.open(task)
    guide = open_guide(task, space, case.guide, seed, options.runs / ".guides", 0.1)
    training = TopologyTraining(steps=options.steps, architectures=options.architectures, seed=seed)
    with watching() as display:
        trained = train_topology(
            space, guide.scores, training, told=lambda done, total: display.progress(f"{name} {seed}", done, total)
        )
    scorer = replace(guide, task=replace(task, validation=task.test))
    return {"seed": seed, "weights_seconds": guide.seconds} | measured(options, case, space, trained, scorer)


def measured(
    options: argparse.Namespace, case: Case, space: SearchSpace, trained: TopologyTrained, scorer: GeneratedScores
) -> dict[str, Any]:
    """All figures of one trained topology generator."""
    config = trained.generator.config
    emit, random = emitter(space, trained.generator), at_random(space)
    untrained = emitter(space, TopologyGenerator(config))
    rules, hard = Rules.of(case.rules), Rules.of(case.hard)
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
    parser.add_argument("--spaces", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of both trainings")
    parser.add_argument("--steps", type=int, default=120, help="of the topology generator's training")
    parser.add_argument("--architectures", type=int, default=16, help="in each of them")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--hard-samples", type=int, default=100)
    parser.add_argument("--scored", type=int, default=200, help="architectures of each side and budget")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options, began = parser.parse_args(arguments), time.perf_counter()
    settle()
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in options.spaces}
    for name in options.spaces:
        for seed in options.seeds:
            rows[name].append(one_seed(options, name, seed))
            show(name, rows[name][-1])
    stated = {name: {"rules": CASES[name].rules, "hard": CASES[name].hard} for name in options.spaces}
    write_result("topology", options, {"rules": stated, "spaces": rows}, began)


if __name__ == "__main__":
    main()
