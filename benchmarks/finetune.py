"""Are generated weights a good start for training? ``python -m benchmarks.finetune``.

Test architectures are really trained for a few steps, with the best learning rate for so many, from fresh weights,
from the nearest training network (``retrieve``) and from what each family emits; beside it what each start scores
without any step.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.parts import Bench, changes_of, families_of, parser, write_result
from generators.generator import Generator
from weightloom.terminal import watching
from workbench.evaluation import evaluate
from workbench.experiment import run_baseline
from workbench.pooling import pooled, pooled_brief
from workbench.summary import BriefPoint, Estimate, shown

COUNTS = (10, 25, 50, 100, 200, 400)
REACHED = 0.99
"""Fidelity that counts as trained."""


def starts(bench: Bench, families: list[str]) -> dict[str, tuple[Estimate, list[BriefPoint]]]:
    """Every start with its fidelity before the first step, and its points."""
    laboratory = bench.laboratory
    evaluation = bench.config.evaluation.model_copy(update={"thorough": False})
    generators: dict[str, Generator] = {
        "fresh": run_baseline(laboratory, "init", {}, evaluation).generator,
        "retrieve": run_baseline(laboratory, "retrieve", {}, evaluation).generator,
    }
    for family in families:
        generators[family], _ = bench.trained(family)
    found = {}
    with watching() as display:
        for place, (name, generator) in enumerate(generators.items()):
            display.progress("training from each start", place, len(generators))
            own = evaluate(generator, laboratory.zoo, laboratory.test, laboratory.test_validity, evaluation)
            found[name] = own.metrics["fidelity"], laboratory.brief_training(evaluation, COUNTS, generator)
    return found


def reached(points: list[BriefPoint], before: float) -> int | None:
    """The fewest of ``COUNTS`` steps after which mean fidelity is at least ``REACHED``."""
    if before >= REACHED:
        return 0
    return next((point.steps for point in points if (point.fidelity.mean or 0.0) >= REACHED), None)


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write ``benchmarks/results/finetune.json``."""
    options, began = parser(__doc__).parse_args(arguments), time.perf_counter()
    each: dict[str, list[tuple[Estimate, list[BriefPoint]]]] = {}
    for seed in options.seeds:
        bench = Bench.open(options.preset, changes_of(options), seed, options.runs)
        for name, start in starts(bench, families_of(bench, options)).items():
            each.setdefault(name, []).append(start)
    print("| start | without a step | " + " | ".join(f"{count} steps" for count in COUNTS) + f" | to {REACHED} |")
    print("|---" * (len(COUNTS) + 3) + "|")
    found: dict[str, Any] = {}
    for name, own in each.items():
        before, points = pooled([before for before, _ in own], 0), pooled_brief([points for _, points in own])
        assert before is not None, "every start has a fidelity"
        needed = reached(points, before.mean or 0.0)
        found[name] = {
            "before": before.model_dump(),
            "points": [point.model_dump() for point in points],
            "steps_to_reach": needed,
        }
        cells = [f"{p.fidelity.mean:.3f} / " + shown(p.collapse.mean if p.collapse else None) for p in points]
        print(f"| {name} | {before.mean:.3f} | " + " | ".join(cells) + f" | {shown(needed)} |")
    print("each cell: fidelity / collapse")
    write_result("finetune", options, {"starts": found}, began)


if __name__ == "__main__":
    main()
