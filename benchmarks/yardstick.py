"""Is real training at its best? ``python -m benchmarks.yardstick --preset long``.

Fidelity is measured against real training, so that a recipe that is not tuned makes every generator look better. Here
one network for each validation architecture is trained by the preset's ``zoo.real_recipe`` and by neighbours of it,
from the same starts; what is chosen is chosen on validation data, and the test data says what it is worth.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.parts import changes_of, parser, three, write_result
from search_spaces import open_space
from sweeps.config import SweepConfig, resolve
from workbench.tasks import load_task
from workbench.yardstick import scores_of
from workbench.zoo import Recipe, train_sorted
from workbench.zoo.building import Plan

RATES, NOISES, DECAYS, LENGTHS = (0.5, 2.0, 4.0), (0.0, 0.3, 0.5, 0.7, 1.0), (0.0, 0.01, 0.5), (0.5, 2.0)
"""Rates and lengths are factors of the preset's."""


def neighbours(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe, and others that differ from it in one setting."""
    found = {"the preset's": recipe}
    other = "adamw" if recipe.optimizer == "muon" else "muon"
    others: list[Mapping[str, Any]] = [
        *({"optimizer": other, "learning_rate": factor * recipe.learning_rate} for factor in (1.0, *RATES)),
        *({"learning_rate": factor * recipe.learning_rate} for factor in RATES),
        *({"input_noise": noise} for noise in NOISES if noise != recipe.input_noise),
        *({"weight_decay": decay} for decay in DECAYS if decay != recipe.weight_decay),
        *({"batch_size": 4 * recipe.batch_size},),
        *({"steps": round(factor * recipe.steps)} for factor in LENGTHS),
    ]
    for change in others:
        name = ", ".join(f"{key} {value if isinstance(value, str) else f'{value:g}'}" for key, value in change.items())
        found[name] = recipe.model_copy(update=dict(change))
    return found


def scored(config: SweepConfig, only: str) -> dict[str, dict[str, Any]]:
    """By recipe the scores on either split, and on test data what it gains over the preset's on the same networks."""
    task = load_task(config.task, config.data)
    space = open_space(
        config.space, inputs=task.inputs, outputs=task.classes, shape=task.shape, settings=config.space_settings
    )
    plan = Plan.of(task, space, config.zoo)
    own = range(plan.test, len(plan.real.blueprints), config.zoo.seeds)
    blueprints, seeds = [plan.real.blueprints[i] for i in own], [plan.real.seeds[i] for i in own]
    found: dict[str, dict[str, Any]] = {}
    first: np.ndarray | None = None
    for name, recipe in neighbours(config.zoo.real_recipe).items():
        if first is not None and not name.startswith(only):
            continue
        networks = train_sorted(task, plan.real.tokenizer, blueprints, seeds, recipe).networks
        validation, test = (np.asarray(scores_of(networks, split)) for split in (task.validation, task.test))
        first = test if first is None else first
        found[name] = {"validation": three(validation), "test": three(test), "gain": three(test - first)}
        cells = (f"{mean:.4f} [{low:.4f}, {high:.4f}]" for mean, low, high in found[name].values())
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print a table and write ``benchmarks/results/yardstick-PRESET[-SETTING].json``."""
    options_parser = parser(__doc__, "long")
    options_parser.set_defaults(seeds=[5])
    options_parser.add_argument("--architectures", type=int, default=24)
    options_parser.add_argument("--only", default="", help="the setting that is changed; by default one after another")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    print("| recipe | validation | test | gain on test |\n|---|---|---|---|")
    each = {}
    for seed in options.seeds:
        changes = {**changes_of(options), "seed": seed, "zoo.seed": seed, "zoo.validation": options.architectures}
        each[seed] = scored(resolve(options.preset, changes), options.only)
    name = "-".join(filter(None, ["yardstick", options.preset, options.only]))
    write_result(name, options, {"recipes": each}, began)


if __name__ == "__main__":
    main()
