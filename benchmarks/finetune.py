"""Are generated weights a good start for training? ``python -m benchmarks.finetune``.

The test architectures of the demo's zoo are really trained for a few steps, with the best learning rate for so many,
from fresh weights, from the nearest training network (``retrieve``) and from what each family emits; beside it what
each start scores without any step.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from generators.generator import Generator
from sweeps.config import resolve
from sweeps.proposal import first_proposal
from sweeps.study import open_laboratory
from weightloom.terminal import watching
from workbench.experiment import run_baseline, run_family
from workbench.summary import BriefPoint, shown

COUNTS = (10, 25, 50, 100, 200, 400)
REACHED = 0.99
"""Fidelity that counts as trained."""


def starts(options: argparse.Namespace) -> dict[str, Any]:
    """Every start with its fidelity before the first step, its points, and the steps that it needs."""
    seed = options.seed
    config = resolve("demo", {"task": options.task, "zoo.seed": seed, "seed": seed})
    found: dict[str, Any] = {}
    with watching() as display:
        laboratory = open_laboratory(config, options.runs, display)
        evaluation = config.evaluation.model_copy(update={"thorough": False})
        generators: dict[str, tuple[Generator | None, float]] = {"fresh": (None, 0.0)}
        outcome = run_baseline(laboratory, "retrieve", {}, evaluation)
        generators["retrieve"] = (outcome.generator, outcome.summary.mean("fidelity") or 0.0)
        for plan in config.families:
            proposal = first_proposal(config, plan.family)
            training = proposal.training.model_copy(update={"seed": seed})
            outcome = run_family(laboratory, plan.family, proposal.settings, training, evaluation)
            generators[plan.family] = (outcome.generator, outcome.summary.mean("fidelity") or 0.0)
        for place, (name, (generator, before)) in enumerate(generators.items()):
            display.progress("training from each start", place, len(generators))
            points = laboratory.brief_training(evaluation, COUNTS, generator)
            found[name] = {"before": before, "points": points, "steps_to_reach": reached(points, before)}
    return found


def reached(points: list[BriefPoint], before: float) -> int | None:
    """The fewest of ``COUNTS`` steps after which mean fidelity is at least ``REACHED``."""
    if before >= REACHED:
        return 0
    return next((point.steps for point in points if (point.fidelity.mean or 0.0) >= REACHED), None)


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write ``benchmarks/results/finetune.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="digits")
    parser.add_argument("--seed", type=int, default=0, help="of zoo and training")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args(arguments)
    found = starts(options)
    print("| start | without a step | " + " | ".join(f"{count} steps" for count in COUNTS) + f" | to {REACHED} |")
    print("|---" * (len(COUNTS) + 3) + "|")
    for name, start in found.items():
        cells = [
            f"{point.fidelity.mean:.3f} / " + shown(point.collapse.mean if point.collapse else None)
            for point in start["points"]
        ]
        print(f"| {name} | {start['before']:.3f} | " + " | ".join(cells) + f" | {shown(start['steps_to_reach'])} |")
    target = Path(__file__).parent / "results" / "finetune.json"
    content = {
        "options": {key: str(value) for key, value in vars(options).items()},
        "starts": {
            name: start | {"points": [point.model_dump() for point in start["points"]]} for name, start in found.items()
        },
        "torch": torch.__version__,
    }
    target.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target}; each cell: fidelity / collapse")


if __name__ == "__main__":
    main()
