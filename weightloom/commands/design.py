"""``weightloom design``: what emits architectures for a saved generator."""

from __future__ import annotations

from pathlib import Path

from weightloom.commands.options import Json, RulesText
from weightloom.terminal import print_json, print_pairs, watching


def design(
    folder: Path,
    /,
    *,
    out: Path,
    steps: int = 120,
    architectures: int = 16,
    entropy: float = 0.75,
    seed: int = 0,
    rules: RulesText = None,
    data: str | None = None,
    json: Json = False,
) -> int:
    """Train a topology generator: it learns to emit architectures that score well with a saved generator's weights.

    **Example:** `weightloom design my-generator --out my-topology --rules 'max_depth: 8'`

    Afterwards `weightloom generate my-generator --topology my-topology --sample 10 --flops 2e4 --out networks` makes
    whole networks, architecture and weights, from one latent each.

    Args:
        folder: Of the saved generator, on whose space and task it is trained.
        out: Folder for the topology generator; must not hold a generator.
        steps: Optimiser steps, each with a budget of its own.
        architectures: So many are emitted and scored in each step.
        entropy: Share of the entropy of choices made evenly that is kept: the more, the more the architectures of
            differing latents differ.
        seed: Of first weights, budgets and latents.
        rules: Rules that every architecture keeps in training.
        data: Folder of the task's data, if it is no longer where it was.
        json: Print one JSON object on stdout.
    """
    from search_spaces.errors import WeightloomError
    from sweeps.reading import read_rules

    if (out / "config.json").exists():
        raise WeightloomError(f"--out: expected a folder without a generator, got {out}; choose another")
    stated = read_rules(rules)
    from pydantic import ValidationError

    from sweeps.config import explain
    from sweeps.designing import design_topology
    from workbench.topology import TopologyTraining

    given = {"steps": steps, "architectures": architectures, "entropy": entropy, "seed": seed}
    try:
        training = TopologyTraining.model_validate(given)
    except ValidationError as error:
        raise WeightloomError(explain(error, TopologyTraining)) from error
    with watching() as display:
        trained = design_topology(folder, out, training=training, rules=stated, data=data, watcher=display)
    if json:
        print_json(
            {
                "folder": str(out),
                "seconds": trained.seconds,
                "config": trained.generator.config.model_dump(),
                "curve": [{"step": step, "score": score, "entropy": entropy} for step, score, entropy in trained.curve],
            }
        )
        return 0
    config, tenth = trained.generator.config, max(1, len(trained.curve) // 10)
    ends = trained.curve[:tenth], trained.curve[-tenth:]
    first, last = (sum(score for _, score, _ in part) / tenth for part in ends)
    print_pairs(
        [
            ("folder", str(out)),
            ("budgets", f"{config.least_flops:.4g} to {config.most_flops:.4g} FLOPs"),
            ("validation score", f"{first:.3f} in the first tenth of the steps, {last:.3f} in the last"),
            ("entropy", f"{trained.curve[-1][2]:.1f} nats in the end"),
            ("seconds", f"{trained.seconds:.0f} of processor time"),
        ]
    )
    return 0
