"""Where does diffusion start to copy? ``python -m benchmarks.memorisation``.

One architecture, digits: zoos of 25 to 400 networks that start from the same weights and see other examples, and as
many held-out ones. A diffusion learns each zoo by denoising alone, for a short, a middle and a long time. Its networks
are judged as in every table: how near they come to a network that was trained on (``rho``), and the verdict. Figure
and JSON are written after every cell, short trainings first; ``--add`` keeps the cells that the JSON holds.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.parts import FIGURES, RESULTS, write_result
from generators.collection import Collection
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Blueprint
from weightloom.terminal import watching
from workbench.evaluation import Evaluation, EvaluationConfig, evaluate
from workbench.execution import best_device
from workbench.tasks import Task, load_task
from workbench.training import TrainingConfig, plan, train_generator
from workbench.yardstick import Yardstick
from workbench.zoo import Recipe, Zoo, ZooConfig, train_networks

HELD_OUT = 40
"""Pairs of held-out networks; also of generated ones."""
SHOWN = ("fidelity", "valid", "rho", "rho_function", "max_iou", "max_iou_real", "copy_share", "collapse")


def blueprint_of(task: Task) -> Blueprint:
    """One hidden layer of sixteen neurons: 1,210 parameters on digits."""
    space = SPACES.load("mlp")(
        inputs=task.inputs,
        outputs=task.classes,
        depths=(1,),
        widths=(16,),
        activations=("relu",),
        norms=("none",),
    )
    return Blueprint.of(space.sample(np.random.default_rng(0)))


def trained_zoo(task: Task, seed: int, most: int) -> Zoo:
    """``most`` training networks and ``HELD_OUT`` pairs of held-out ones, of one start."""
    config = ZooConfig(networks=most, seed=seed, recipe=Recipe(), test=HELD_OUT, seeds=2)
    tokenizer = WeightTokenizer(width=config.token_width)
    one = blueprint_of(task)
    count = most + 2 * HELD_OUT + 4
    start = train_networks(task, tokenizer, [one], [seed], Recipe(steps=10, learning_rate=1e-5)).networks
    trained = train_networks(
        task, tokenizer, [one] * count, [seed + i for i in range(count)], config.recipe, start=start.select([0] * count)
    )

    def part(first: int, last: int) -> Collection:
        index = list(range(first, last))
        return Collection.of(trained.networks.select(index), trained.scores[index])

    return Zoo(
        config=config,
        pool=(one,),
        training=part(0, most),
        test=part(most, most + 2 * HELD_OUT),
        validation=part(count - 4, count),
        seconds=0.0,
        still_improving=0.0,
        doubled=(),
        digest="",
    )


def first_of(zoo: Zoo, size: int) -> Zoo:
    """The same zoo with fewer training networks."""
    return replace(zoo, training=zoo.training.some(range(size)))


def judged(task: Task, zoo: Zoo, steps: int, seed: int, options: argparse.Namespace) -> Evaluation:
    """A diffusion that denoised this zoo for so many steps."""
    generator = DiffusionGenerator(DiffusionConfig(d=options.d, layers=options.layers, steps=8, kept=1.0))
    generator.to(task.train.x.device)
    config = TrainingConfig(mode="zoo", steps=steps, architectures=8, latents=4, learning_rate=2e-3, seed=seed)
    train_generator(generator, plan(generator, config, task, zoo.pool, zoo.training), config)
    test, validity = (Yardstick.of(zoo, zoo.test, split) for split in (task.test, task.validation))
    return evaluate(generator, zoo, test, validity, EvaluationConfig(latents=2, curve=()))


def draw(rows: list[dict[str, Any]]) -> None:
    """``rho`` in weights and in function space against zoo size, as ``docs/figures/memorisation.svg``."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    sizes = sorted({row["size"] for row in rows})
    for count in sorted({row["steps"] for row in rows}):
        measured = {size: [r for r in rows if r["size"] == size and r["steps"] == count] for size in sizes}
        found = {size: cell for size, cell in measured.items() if cell}
        for axes, key in ((left, "rho"), (right, "rho_function")):
            means = [np.mean([r[key] for r in cell]) for cell in found.values()]
            axes.plot(list(found), means, "o-", label=f"{count} steps")
    left.set(title="Nearest training network, in weights", ylabel="rho (1 = as far as a held-out real one)")
    right.set(title="Nearest training network, in predictions", ylabel="rho_function")
    for axes in (left, right):
        axes.axhline(1, color="grey", linestyle=":")
        axes.set(xlabel="networks in the zoo", xscale="log", xticks=sizes, xticklabels=sizes)
        axes.minorticks_off()
    left.legend(fontsize=8)
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / "memorisation.svg", metadata={"Date": None})
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Print the map, write ``benchmarks/results/memorisation.json`` and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[25, 50, 100, 200, 400])
    parser.add_argument("--steps", type=int, nargs="+", default=[400, 1600, 6400])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--d", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--add", action="store_true", help="to the cells of the last run instead of starting anew")
    options, began = parser.parse_args(arguments), time.perf_counter()
    task = load_task("digits", None).to(best_device())
    rows = json.loads((RESULTS / "memorisation.json").read_text())["rows"] if options.add else []
    for row in rows:
        if (row["d"], row["layers"]) != (options.d, options.layers):
            parser.error(f"the last run's denoiser had --d {row['d']} --layers {row['layers']}: add with these")
    known = {(row["seed"], row["size"], row["steps"]) for row in rows}
    most = max([*options.sizes, *(row["size"] for row in rows)])  # so that the same networks are held out
    with watching() as display:
        for seed in options.seeds:
            cells = [(seed, size, steps) for steps in options.steps for size in options.sizes]
            new = [cell for cell in cells if cell not in known]
            whole = trained_zoo(task, seed * 100_000, most) if new else None
            for done, (_, size, steps) in enumerate(new):
                assert whole is not None
                display.progress(f"seed {seed}, zoo of {size}, {steps} steps", done, len(new))
                started = time.perf_counter()
                found = judged(task, first_of(whole, size), steps, seed, options)
                figures = {name: found.metrics[name].mean for name in SHOWN if name in found.metrics}
                facts = {"d": options.d, "layers": options.layers, "seconds": time.perf_counter() - started}
                labels = [verdict.label for verdict in found.verdict]
                rows.append({"seed": seed, "size": size, "steps": steps, "verdict": labels, **figures, **facts})
                print(rows[-1], flush=True)
                draw(rows)
                write_result("memorisation", options, {"rows": rows}, began)


if __name__ == "__main__":
    main()
