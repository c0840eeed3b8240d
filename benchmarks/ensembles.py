"""Are generated networks good together? ``python -m benchmarks.ensembles``.

Ten networks of every test architecture, from each family (latents drawn apart, as for use together), from fresh
weights trained for a few steps, and from noise on a really trained network; beside ten that were really and
independently trained. Accuracy and calibration of single networks and of the mean of their probabilities, and what ten
of them cost.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.parts import Bench, changes_of, families_of, parser, three, write_result
from generators.baselines import NoiseBaseline, NoiseConfig
from generators.generated import Generated
from workbench import metrics
from workbench.experiment import finished_name
from workbench.summary import MISSING
from workbench.yardstick import Predictions, Yardstick

TEN = 10
NOISE_SEED = 9_000_000
FIGURES = ("score", "spread", "ensemble_score", "ece", "ensemble_ece")

Table = dict[str, Float[np.ndarray, " architectures"]]


def figures(networks: Generated, test: Yardstick) -> Table:
    """Each figure of ``FIGURES`` for every test architecture, of ten networks each, architecture-major."""
    predictions = Predictions.of(networks, test.split)
    grouped = predictions.probabilities.reshape(-1, TEN, *predictions.probabilities.shape[1:])
    errors = predictions.errors.reshape(-1, TEN, predictions.errors.shape[1])
    labels = test.labels
    return {
        "score": np.nan_to_num(predictions.scores).reshape(-1, TEN).mean(1),
        "spread": np.array([metrics.spread(own) for own in errors]),
        "ensemble_score": np.array([metrics.ensemble_score(own, labels) for own in grouped]),
        "ece": np.array([np.mean([metrics.ece(one, labels) for one in own]) for own in grouped]),
        "ensemble_ece": np.array([metrics.ece(own.mean(0), labels) for own in grouped]),
    }


def noise_like(noise: NoiseBaseline, test: Yardstick, score: float, own: bool) -> Generated:
    """Noise with which single networks score as asked for on test data, by bisection.

    Args:
        noise: fitted to the training networks.
        test: gives the architectures and their trained networks.
        score: mean test score to reach.
        own: on a network really trained for the architecture, rather than on the nearest training network, which
            may not score that well without noise.
    """
    blueprints = test.repeated(TEN)
    seeds = range(NOISE_SEED, NOISE_SEED + len(blueprints))
    parents = [n * test.seeds for n in range(len(test.blueprints)) for _ in range(TEN)]
    trained = test.networks.select(parents)

    def at(level: float) -> Generated:
        if own:
            return noise.perturb(trained, level, list(seeds))
        return noise.with_sigma(level).generate(blueprints, seeds)

    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        better = float(np.nan_to_num(Predictions.of(at(middle), test.split).scores).mean()) > score
        low, high = (middle, high) if better else (low, middle)
    return at(low)


def one_seed(bench: Bench, families: list[str], finish: list[int]) -> tuple[dict[str, Table], dict[str, float]]:
    """Figures by row for every test architecture, and milliseconds for ten networks of one architecture."""
    laboratory = bench.laboratory
    test = laboratory.test
    blueprints = test.repeated(TEN)
    noise = NoiseBaseline(NoiseConfig(token_width=laboratory.zoo.config.token_width))
    noise.fit(laboratory.zoo.training)
    found: dict[str, Table] = {"real": figures(test.networks, test)}
    cost = {"real": 1000 * TEN * _seconds_of_one(bench)}
    generators: dict[str, Any] = {name: bench.trained(name)[0] for name in families}
    for steps in finish:
        generators[finished_name("init", steps)] = laboratory.finished(None, steps)
        for name in families:
            generators[finished_name(name, steps)] = laboratory.finished(generators[name], steps)
    for name, generator in generators.items():
        began = time.perf_counter()
        networks = generator.generate(blueprints, range(len(blueprints)), apart=True)
        cost[name] = 1000 * (time.perf_counter() - began) / len(test.blueprints)
        found[name] = figures(networks, test)
        score = float(found[name]["score"].mean())
        for own, label in ((True, "noise-oracle"), (False, "noise")):
            found[f"{label} as {name}"] = figures(noise_like(noise, test, score, own), test)
    return found, cost


def _seconds_of_one(bench: Bench) -> float:
    """To really train one yardstick network: its steps' share of the zoo's time."""
    zoo, config = bench.laboratory.zoo, bench.config.zoo
    real = config.real_recipe.steps
    steps = real * (len(zoo.test) + len(zoo.validation)) + config.recipe.steps * config.trainings
    return zoo.seconds * real / steps


def summarised(found: Mapping[str, Table], names: list[str]) -> dict[str, Any]:
    """Means with intervals over architectures of all seeds, and paired differences to real training and to noise."""
    rows: dict[str, Any] = {}
    for name, table in found.items():
        rows[name] = {figure: three(values) for figure, values in table.items()}
        others = {"real": "real"}
        if name in names:
            others |= {label: f"{label} as {name}" for label in ("noise-oracle", "noise")}
        for label, other in others.items():
            if other in found and other != name:
                differences = {f: three(table[f] - found[other][f]) for f in FIGURES}
                rows[name][f"minus {label}"] = differences
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write ``benchmarks/results/ensembles-PRESET.json``."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--finish", type=int, nargs="*", default=[100, 150], help="steps of real training")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    result = all_seeds(options)
    heads = ("ten of", "score of one", "spread", "of ten", "ECE of one", "of ten", "of ten less real")
    print("| " + " | ".join([*heads, "of ten less noise-oracle", "ms"]) + " |")
    print("|---" * 9 + "|")
    for name, row in result["rows"].items():
        cells = [f"{row[figure][0]:.4f}" for figure in FIGURES]
        for label in ("minus real", "minus noise-oracle"):
            three = row.get(label, {}).get("ensemble_score")
            cells.append(MISSING if three is None else f"{three[0]:+.4f} [{three[1]:+.4f}, {three[2]:+.4f}]")
        milliseconds = result["milliseconds"].get(name)
        print(f"| {name} | " + " | ".join([*cells, MISSING if milliseconds is None else f"{milliseconds:.0f}"]) + " |")
    write_result(f"ensembles-{options.preset}", options, result, began)


def all_seeds(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is written."""
    tables: dict[str, list[Table]] = {}
    costs: dict[str, list[float]] = {}
    for seed in options.seeds:
        bench = Bench.open(options.preset, {**changes_of(options), "zoo.seeds": TEN}, seed, options.runs)
        found, cost = one_seed(bench, families_of(bench, options), options.finish)
        for name, table in found.items():
            tables.setdefault(name, []).append(table)
        for name, value in cost.items():
            costs.setdefault(name, []).append(value)
    joined = {name: {f: np.concatenate([t[f] for t in own]) for f in FIGURES} for name, own in tables.items()}
    return {
        "rows": summarised(joined, list(costs)),
        "milliseconds": {name: float(np.median(values)) for name, values in costs.items()},
    }


if __name__ == "__main__":
    main()
