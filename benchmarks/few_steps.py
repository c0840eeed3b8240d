"""How many denoiser evaluations does a network need? ``python -m benchmarks.few_steps``.

A diffusion is trained in each mode and with each solver, and sampled with 1 to 50 evaluations; the same test
architectures, latents and noise throughout. Beside it one that is trained to emit in a single step.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.parts import Bench, changes_of, parser, three, write_result
from generators.diffusion import DiffusionGenerator
from generators.generator import Generator
from workbench import metrics
from workbench.yardstick import Predictions

EVALUATIONS = (1, 2, 3, 4, 8, 16, 50)
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "both, flow, trained at 3": ({}, {}),
    "both, flow, trained at 1": ({"steps": 1}, {}),
    "zoo, flow": ({"kept": 1.0}, {"mode": "zoo"}),
    "zoo, ddim": ({"kept": 1.0, "scheduler": "ddim"}, {"mode": "zoo"}),
    "zoo, dpm++": ({"kept": 1.0, "scheduler": "dpm++"}, {"mode": "zoo"}),
}
"""Settings and training of each."""


def at(generator: Generator, evaluations: int) -> Generator:
    """The same denoiser, sampled with so many evaluations."""
    assert isinstance(generator, DiffusionGenerator)
    settings = generator.settings.model_copy(update={"steps": evaluations})
    copy = DiffusionGenerator(settings)
    copy.load_state_dict(generator.state_dict())
    return copy


def fidelities(bench: Bench, generator: Generator) -> dict[int, list[float]]:
    """Fidelity of each test architecture by number of evaluations."""
    test, latents = bench.laboratory.test, bench.config.evaluation.latents
    blueprints = test.repeated(latents)
    found = {}
    for evaluations in EVALUATIONS:
        networks = at(generator, evaluations).generate(blueprints, range(len(blueprints)))
        scores = Predictions.of(networks, test.split).scores.reshape(-1, latents)
        found[evaluations] = metrics.fidelity(scores, test.scores).tolist()
    return found


def measured(options: argparse.Namespace) -> dict[str, dict[int, list[float]]]:
    """Fidelity of every test architecture of every seed, by variant and number of evaluations."""
    found: dict[str, dict[int, list[float]]] = {}
    for seed in options.seeds:
        changes = {**changes_of(options), "zoo.kind": options.kind}
        bench = Bench.open(options.preset, changes, seed, options.runs)
        for name, (settings, training) in VARIANTS.items():
            extra = {"steps": options.zoo_steps} if training.get("mode") == "zoo" else {}
            generator, _ = bench.trained("diffusion", settings, {**training, **extra})
            for evaluations, values in fidelities(bench, generator).items():
                found.setdefault(name, {}).setdefault(evaluations, []).extend(values)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write ``benchmarks/results/few_steps.json``."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--kind", default="shared-base", help="of zoo")
    options_parser.add_argument("--zoo-steps", type=int, default=4000, help="steps of the variants of mode zoo")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    found = measured(options)
    print("| variant | " + " | ".join(str(count) for count in EVALUATIONS) + " |")
    print("|---" * (len(EVALUATIONS) + 1) + "|")
    table = {}
    for name, by_count in found.items():
        most = float(np.mean(by_count[EVALUATIONS[-1]]))
        row, cells = {}, []
        for count, values in by_count.items():
            fidelity = three(np.array(values))
            kept = fidelity[0] / most if most else None
            row[count] = {"fidelity": fidelity, "kept_of_50": kept}
            cells.append(f"{fidelity[0]:.3f} ({100 * (kept or 0):.1f} %)")
        table[name] = row
        print(f"| {name} | " + " | ".join(cells) + " |")
    write_result("few_steps", options, {"fidelity": table}, began)


if __name__ == "__main__":
    main()
