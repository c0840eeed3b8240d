"""Do sparse masks follow the task? ``python -m benchmarks.task_masks``.

A family is trained for sparse weights on the task, again from another seed, and on another task: the same examples with
their inputs in another order, which is as hard and wants other inputs. Two generators share no order of neurons, so
masks are compared by what has none: how many weights of the first layer each input keeps, correlated over inputs.
Generators of one task should agree, those of two tasks should not, and do again once the inputs are put back in order
(the control). Then masks are swapped: in the first layer every neuron of the first generator keeps as many weights as
before, drawn with the odds that one of the others gives to each input; the rest stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.parts import Bench, changes_of, parser, three, write_result
from benchmarks.sparsity import MASKED, Values, masked, scores
from generators.generated import Generated
from generators.generator import Generator
from generators.registry import make_generator
from generators.tokens import LANES
from sweeps.proposal import first_proposal
from workbench.evaluation.connectivity import kept_weights, overlaps
from workbench.tasks import Split, Task
from workbench.training import plan, train_generator

OWN, AGAIN, OTHER, BACK = "own", "same task, another seed", "another task", "another task, its inputs put back in order"

# dimension names: inputs of the task; networks, tokens, weights as in generators.tokens

Counts = Float[np.ndarray, "networks inputs"]


def reordered(task: Task, order: Sequence[int]) -> Task:
    """The same examples with their inputs in another order."""

    def moved(split: Split) -> Split:
        return Split(x=split.x[:, list(order)], y=split.y)

    return replace(task, train=moved(task.train), validation=moved(task.validation), test=moved(task.test))


def trained(bench: Bench, family: str, task: Task, seed: int) -> Generator:
    """One of the family, trained by task loss with half of its networks asked to be sparse."""
    proposal = first_proposal(bench.config, family)
    changes = {"mode": "task", "seed": seed, "weights_share": 0.5}
    config, zoo = proposal.training.model_copy(update=changes), bench.laboratory.zoo
    torch.manual_seed(seed)
    generator = make_generator(family, {"token_width": zoo.config.token_width, **proposal.settings})
    train_generator(generator, plan(generator, config, task, zoo.pool, zoo.training), config)
    return generator.eval()


def first_layers(networks: Generated, inputs: int) -> list[Tensor]:
    """For each network the places of its first layer among its token entries, ``[neurons, inputs]``."""
    found = []
    for blueprint in networks.blueprints:
        spec = next(s for s in blueprint.parameters if s.role == "weight" and s.shape[1:] == (inputs,))
        found.append(networks.tokenizer.layout(blueprint).positions[spec.name].long())
    return found


def whole(masks: Bool[Tensor, "networks tokens weights"]) -> Bool[Tensor, "networks places"]:
    """With the entries of lanes, flat, as ``first_layers`` counts them."""
    return torch.nn.functional.pad(masks, (LANES, 0)).flatten(1)


def input_counts(networks: Generated, inputs: int) -> Counts:
    """How many weights of the first layer each input keeps."""
    flat = whole(kept_weights(networks))
    layers = zip(flat, first_layers(networks, inputs), strict=True)
    return np.stack([own[places].sum(0).numpy() for own, places in layers]).astype(np.float64)


def agreement(ours: Counts, theirs: Counts) -> Float[np.ndarray, " networks"]:
    """Correlation over inputs."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs, strict=True)])


def swapped(
    networks: Generated, masks: Bool[Tensor, "networks tokens weights"], odds: Counts
) -> Bool[Tensor, "networks tokens weights"]:
    """Masks whose first layer keeps as many weights in each neuron, of inputs drawn with these odds."""
    flat, random = whole(masks), np.random.default_rng(0)
    for own, places, weight in zip(flat, first_layers(networks, odds.shape[1]), odds, strict=True):
        share = (weight + 1e-3) / (weight + 1e-3).sum()
        for row in places:
            count = int(own[row].sum())
            own[row] = False
            own[row[random.choice(len(share), count, replace=False, p=share)]] = True
    return flat.view(len(masks), masks.shape[1], -1)[..., LANES:]


def one_seed(bench: Bench, family: str, seed: int) -> dict[str, dict[str, Values]]:
    """Agreement of inputs and scores under swapped masks, one figure for each test architecture."""
    test, latents, task = bench.laboratory.test, bench.config.evaluation.latents, bench.laboratory.task
    order = np.random.default_rng(seed).permutation(task.inputs)
    first = trained(bench, family, task, seed)
    again = trained(bench, family, task, seed + 1000)
    other = trained(bench, family, reordered(task, order.tolist()), seed)
    blueprints = test.repeated(latents)
    seeds = range(len(blueprints))
    sparse, *others = (g.generate(blueprints, seeds, weights=1 - MASKED) for g in (first, again, other))
    dense, masks = first.generate(blueprints, seeds), kept_weights(sparse)
    own, same, different = (input_counts(networks, task.inputs) for networks in (sparse, *others))
    odds = {OWN: own, AGAIN: same, OTHER: different, BACK: different[:, np.argsort(order)]}
    agree = {name: agreement(own, counts).reshape(-1, latents).mean(1) for name, counts in odds.items() if name != OWN}
    under = {"own mask": scores(masked(dense, masks), test)}
    under |= {
        f"inputs of {name}": scores(masked(dense, swapped(dense, masks, counts)), test) for name, counts in odds.items()
    }
    return {"agreement": agree, "dense weights under": under, "mask IoU of latents": {OWN: overlaps(masks, latents)}}


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write ``benchmarks/results/task-masks.json``."""
    options_parser = parser(__doc__)
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for family in options.families or ["mlp"]:
        parts = []
        for seed in options.seeds:
            bench = Bench.open(options.preset, changes_of(options), seed, options.runs)
            parts.append(one_seed(bench, family, seed))
        found[family] = {
            name: {row: three(np.concatenate([part[name][row] for part in parts])) for row in table}
            for name, table in parts[0].items()
        }
        for name, table in found[family].items():
            for row, (mean, low, high) in table.items():
                print(f"{family}, {name}, {row}: {mean:.3f} [{low:.3f}, {high:.3f}]")
    write_result("task-masks", options, {"families": found}, began)


if __name__ == "__main__":
    main()
