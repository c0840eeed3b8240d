"""Do small moves of a latent make small moves of the function? ``python -m benchmarks.stability``.

For every test architecture the networks on the way from one latent to another, by family and by baseline that has
latents: their scores, how far their predictions are from those of the first, and the steepest of the steps. Beside it
the straight way between the weights of two really trained networks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float

from benchmarks.parts import FIGURES, Bench, changes_of, families_of, parser, three, write_result
from generators.generated import Generated
from generators.generator import Condition, Generator
from workbench.experiment import run_baseline
from workbench.summary import MISSING
from workbench.yardstick import Predictions, Yardstick

PLACES = tuple(i / 16 for i in range(17))
"""Along the way, from one latent (0) to another (1)."""
BASELINES = ("noise", "gaussian", "pca")
OTHER = 1_000_000
CONDITION_STEP = 0.05
"""Move of the wanted share of open neurons."""

Path_ = Float[np.ndarray, "places architectures examples classes"]


def spherical(here: torch.Tensor, there: torch.Tensor, place: float) -> torch.Tensor:
    """Between two normal latents so that the one on the way is as normal: cos, sin of the angle (variance kept)."""
    angle = place * np.pi / 2
    return float(np.cos(angle)) * here + float(np.sin(angle)) * there


@torch.no_grad()
def path(generator: Generator, test: Yardstick) -> Path_:
    """Predicted probabilities at every place."""
    blueprints = test.blueprints
    seeds = list(range(len(blueprints)))
    here = generator.draw_latent(blueprints, seeds)
    there = generator.draw_latent(blueprints, [seed + OTHER for seed in seeds])
    latents = [spherical(here, there, place).to(generator.device) for place in PLACES]
    return np.stack([Predictions.of(generator(blueprints, z), test.split).probabilities for z in latents])


def real_path(test: Yardstick) -> Path_:
    """The straight way between the weights of two networks trained independently for the same architecture."""
    first = test.networks.select([n * test.seeds for n in range(len(test.blueprints))])
    second = test.networks.select([n * test.seeds + 1 for n in range(len(test.blueprints))])
    found = []
    for place in PLACES:
        mixed = Generated(
            tokenizer=first.tokenizer,
            layout=first.layout,
            tokens=torch.lerp(first.tokens, second.tokens, place),
            open_neurons=first.open_neurons,
            gates=first.gates,
        )
        found.append(Predictions.of(mixed, test.split).probabilities)
    return np.stack(found)


@torch.no_grad()
def condition_move(generator: Generator, test: Yardstick) -> Float[np.ndarray, " architectures"]:
    """Hellinger distance of predictions when the wanted density falls from 1 by a little, over the move."""
    blueprints = test.blueprints
    latent = generator.draw_latent(blueprints, range(len(blueprints))).to(generator.device)
    densities = (1.0, 1.0 - CONDITION_STEP)
    before, after = (
        Predictions.of(
            generator(blueprints, latent, Condition.uniform(len(blueprints), density, generator.device)), test.split
        ).probabilities
        for density in densities
    )
    return hellinger(before, after) / CONDITION_STEP


def hellinger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of two predictions, 0..1, mean over examples."""
    return np.sqrt(np.clip(1 - np.sqrt(a * b).sum(-1), 0, 1)).mean(-1)


def described(found: Path_, test: Yardstick) -> dict[str, np.ndarray]:
    """Scores and distances ``[places, architectures]``, and per architecture the steepest step and the deepest dip."""
    scores = (found.argmax(-1) == test.labels).mean(-1)
    steps = hellinger(found[1:], found[:-1]) * (len(PLACES) - 1)
    ends = (scores[0] + scores[-1]) / 2
    return {
        "score": scores,
        "distance": hellinger(found, found[0]),
        "steepest": steps.max(0),
        "mean_slope": steps.mean(0),
        "dip": ends - scores.min(0),
    }


def one_seed(bench: Bench, families: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """Everything measured, by row."""
    laboratory = bench.laboratory
    test = laboratory.test
    generators: dict[str, Generator] = {name: bench.trained(name)[0] for name in families}
    evaluation = bench.config.evaluation.model_copy(update={"thorough": False})
    for name in BASELINES:
        generators[name] = run_baseline(laboratory, name, {}, evaluation).generator
    found = {}
    for name, generator in generators.items():
        if not generator.draw_latent(test.blueprints[:1], [0]).is_floating_point():
            continue
        found[name] = described(path(generator, test), test)
        found[name]["condition"] = condition_move(generator, test)
    found["real weights, straight"] = described(real_path(test), test)
    return found


def draw(joined: dict[str, dict[str, np.ndarray]], name_of_file: str) -> None:
    """Score and distance along the way, as ``docs/figures/NAME.svg``."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for name, table in joined.items():
        line = "-" if name not in BASELINES else ":"
        left.plot(PLACES, table["score"].mean(1), line, label=name)
        right.plot(PLACES, table["distance"].mean(1), line, label=name)
    left.set(xlabel="from one latent to another", ylabel="test score", title="Score on the way")
    right.set(xlabel="from one latent to another", ylabel="Hellinger distance", title="Distance from the first")
    right.legend(fontsize=7)
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / f"{name_of_file}.svg", metadata={"Date": None})
    plt.close(figure)


def all_seeds(seeds: Sequence[int], options: argparse.Namespace) -> dict[str, dict[str, np.ndarray]]:
    """Joined over seeds, architectures side by side."""
    tables: dict[str, list[dict[str, np.ndarray]]] = {}
    for seed in seeds:
        bench = Bench.open(options.preset, changes_of(options), seed, options.runs)
        for name, table in one_seed(bench, families_of(bench, options)).items():
            tables.setdefault(name, []).append(table)
    return {name: {key: np.concatenate([t[key] for t in own], -1) for key in own[0]} for name, own in tables.items()}


def main(arguments: list[str] | None = None) -> None:
    """Print the table, write ``benchmarks/results/stability[-FAMILIES].json`` and draw the figure of that name."""
    options, began = parser(__doc__).parse_args(arguments), time.perf_counter()
    joined = all_seeds(options.seeds, options)
    name_of_file = "-".join(["stability", *(options.families or ())])
    draw(joined, name_of_file)
    keys = ("mean_slope", "steepest", "dip", "condition")
    rows: dict[str, Any] = {}
    print("| | " + " | ".join(keys) + " | score at the ends |")
    print("|---" * (len(keys) + 2) + "|")
    for name, table in joined.items():
        rows[name] = {key: three(table[key]) for key in keys if key in table}
        rows[name]["score"] = table["score"].mean(1).tolist()
        rows[name]["distance"] = table["distance"].mean(1).tolist()
        cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*rows[name][key]) if key in rows[name] else MISSING for key in keys]
        print(f"| {name} | " + " | ".join(cells) + f" | {table['score'][0].mean():.3f} |")
    write_result(name_of_file, options, {"rows": rows}, began)


if __name__ == "__main__":
    main()
