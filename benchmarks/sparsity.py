"""How few weights are enough when a generator knows of it? ``python -m benchmarks.sparsity``.

Each family is trained once with sparse weights asked for (``training.weights_share``) and once without. On test
architectures its sparse networks stand beside magnitude pruning at equal sparsity: of its own dense networks, of those
of the same family trained without, and of really trained networks, each by magnitude in natural units or as it is,
whichever scores better on the test data, and real networks that are pruned and trained in turns, as the best that these
architectures are known to reach. Further: neurons instead of weights, how much the
masks of latents differ, and what another mask does to the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.parts import Bench, changes_of, parser, three, write_result
from generators.adaptation import adapt
from generators.generated import Generated
from generators.generator import Generator
from generators.tokens import LANES
from workbench import metrics
from workbench.evaluation.connectivity import kept_weights, overlaps
from workbench.evaluation.controls import layers_of
from workbench.evaluation.sparsity import Kind, magnitude_pruned
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo import train_sorted

LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
"""Shares of zero weights."""
NEURONS = 0.5
"""Share of open neurons of the structured comparison."""
MASKED = 0.9
"""Sparsity at which masks are compared and swapped."""
SOURCES = ("generated", "magnitude", "trained dense, magnitude", "real, magnitude")
TRAINED = "real, trained sparse"
"""Real networks, magnitude pruning and training in turns (Han et al. 2015, arXiv:1506.02626)."""
PATH = (0.5, 0.65, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98)
"""Sparsity after each turn."""
TURN = 500
"""Steps of training in a turn; the last one ends at the level."""

Values = Float[np.ndarray, " architectures"]
Masks = Bool[Tensor, "networks tokens weights"]


def scores(networks: Generated, test: Yardstick) -> Values:
    """Mean test score of the networks of each architecture; they come architecture by architecture, equally many."""
    return np.nan_to_num(Predictions.of(networks, test.split).scores).reshape(len(test.blueprints), -1).mean(1)


def one_seed(
    bench: Bench, family: str, training: Mapping[str, Any], trained: Mapping[float, Values]
) -> dict[str, dict[str, Values]]:
    """For every comparison the figures of its rows, one for each test architecture.

    Args:
        bench: zoo and budget.
        family: of the preset.
        training: keys of ``training``; without ``weights_share`` it is that of the generator trained dense.
        trained: of `trained_sparse`, the same for all families.
    """
    test, latents = bench.laboratory.test, bench.config.evaluation.latents
    generator, _ = bench.trained(family, training=training)
    plain, _ = bench.trained(family, training={**training, "weights_share": 0.0})
    blueprints = test.repeated(latents)
    seeds = range(len(blueprints))
    dense, plain_dense = generator.generate(blueprints, seeds), plain.generate(blueprints, seeds)

    def rows(kind: Kind, share: float, asked: Generated) -> dict[str, Values]:
        pruned = [best_pruned(networks, share, kind, test) for networks in (dense, plain_dense, test.networks)]
        return dict(zip(SOURCES, (scores(asked, test), *pruned), strict=True))

    found = {
        f"weights {level}": rows("weights", 1 - level, generator.generate(blueprints, seeds, weights=1 - level))
        for level in LEVELS
    }
    for level, values in trained.items():
        found[f"weights {level}"][TRAINED] = values
    found[f"neurons {1 - NEURONS}"] = rows("neurons", NEURONS, generator.generate(blueprints, seeds, NEURONS))
    sparse = generator.generate(blueprints, seeds, weights=1 - MASKED)
    masks = kept_weights(sparse)
    found["mask IoU"] = {
        "generated": overlap(masks, test),
        "magnitude": overlap(kept_weights(magnitude_pruned(dense, 1 - MASKED, "weights")), test),
        "real, magnitude": overlap(kept_weights(magnitude_pruned(test.networks, 1 - MASKED, "weights")), test),
    }
    nodes = {node.operation for blueprint in test.blueprints for node in blueprint.architecture.nodes[1:]}
    if nodes == {"dense"}:
        found["mask IoU, neurons matched"] = {
            "generated": matched(sparse, test),
            "magnitude": matched(magnitude_pruned(dense, 1 - MASKED, "weights"), test),
            "real, magnitude": matched(magnitude_pruned(test.networks, 1 - MASKED, "weights"), test),
        }
    other = masks.view(-1, latents, *masks.shape[1:]).roll(1, dims=1).reshape(masks.shape)
    found["dense weights under"] = {
        "own mask": scores(masked(dense, masks), test),
        "another latent's mask": scores(masked(dense, other), test),
        "another architecture's mask": scores(masked(dense, of_another_architecture(generator, masks, dense)), test),
        "random mask": scores(masked(dense, shuffled(masks, dense)), test),
    }
    return found


def trained_sparse(bench: Bench) -> dict[float, Values]:
    """Test scores of the real networks along ``PATH``, at the levels of the tables; weights that are zero stay so."""
    laboratory, test = bench.laboratory, bench.laboratory.test
    recipe = bench.config.zoo.real_recipe.model_copy(update={"steps": TURN})
    networks, found = test.networks, {}
    for level in PATH:
        start = magnitude_pruned(networks, 1 - level, "weights")
        blueprints, sparse = start.blueprints, torch.ones(len(start), dtype=torch.bool)
        networks = train_sorted(
            laboratory.task, start.tokenizer, blueprints, range(len(start)), recipe, start=start, sparse=sparse
        ).networks
        if level in LEVELS:
            found[level] = scores(networks, test)
    return found


def best_pruned(networks: Generated, share: float, kind: Kind, test: Yardstick) -> Values:
    """Scores after magnitude pruning, by the better of two measures of magnitude: in natural units, and as it is."""
    layout = networks.layout
    raw = replace(networks, layout=replace(layout, scale=torch.ones_like(layout.scale)))
    found = [scores(magnitude_pruned(n, share, kind), test) for n in (networks, raw)]
    return max(found, key=lambda values: float(values.mean()))


def overlap(masks: Masks, test: Yardstick) -> Values:
    """``metrics.mask_iou`` of the networks of each architecture."""
    return overlaps(masks, len(masks) // len(test.blueprints))


def matched(networks: Generated, test: Yardstick) -> Values:
    """``metrics.matched_mask_iou`` of the non-zero weights of each architecture's networks."""
    masks = networks.tokens != 0
    masks[..., :LANES] = False
    layers = [layers_of(mask.float(), networks, i) for i, mask in enumerate(masks)]
    each = len(networks) // len(test.blueprints)
    return np.array([metrics.matched_mask_iou(layers[i : i + each]) for i in range(0, len(layers), each)])


def masked(networks: Generated, masks: Masks) -> Generated:
    """The networks with zeros where the mask is False."""
    lanes = masks.new_ones(*masks.shape[:2], LANES)
    return replace(networks, tokens=torch.where(torch.cat([lanes, masks], dim=-1), networks.tokens, 0.0))


def of_another_architecture(generator: Generator, masks: Masks, networks: Generated) -> Masks:
    """Masks of the same latents for other architectures, by role and coordinate; in each layer as many as its own has.

    Where the other has no such weight, or too few that are not zero, they are filled up at random.
    """
    blueprints = networks.blueprints
    wrong = [blueprints[(i + len(blueprints) // 2) % len(blueprints)] for i in range(len(blueprints))]
    sources = generator.generate(wrong, range(len(blueprints)), weights=1 - MASKED)
    found, layout, random = torch.zeros_like(masks), networks.layout, torch.Generator().manual_seed(0)
    for n, blueprint in enumerate(blueprints):
        there = adapt(sources, blueprint, [n]).values[0, :, LANES:] != 0
        rank = torch.rand(masks[n].shape, generator=random)
        rank[: len(there)] += there
        for layer in layout.node[n].unique():
            places = torch.nonzero(layout.used[n, :, LANES:] & (layout.node[n] == layer)[:, None], as_tuple=True)
            order = rank[places].argsort(descending=True)[: int(masks[n][places].sum())]
            found[n][places[0][order], places[1][order]] = True
    return found


def shuffled(masks: Masks, networks: Generated) -> Masks:
    """Masks with as many weights in every layer, at random places."""
    found, random = masks.clone(), np.random.default_rng(0)
    layout = networks.layout
    for n, (mask, used, node) in enumerate(zip(masks, layout.used[..., LANES:], layout.node, strict=True)):
        for layer in node.unique():
            places = torch.nonzero(used & (node == layer)[:, None], as_tuple=True)
            values = mask[places]
            found[n][places] = values[torch.from_numpy(random.permutation(len(values)))]
    return found


def chance() -> float:
    """IoU of two independent masks of that sparsity."""
    share = 1 - MASKED
    return share / (2 - share)


def summarised(found: Mapping[str, Mapping[str, Values]]) -> dict[str, Any]:
    """Means with intervals over architectures, and paired differences of the first row to all others and to dense."""
    report: dict[str, Any] = {}
    whole = found["weights 0.0"]["generated"]
    for name, table in found.items():
        first = next(iter(table.values()))
        entry: dict[str, Any] = {row: three(values) for row, values in table.items()}
        for row, values in list(table.items())[1:]:
            entry[f"less {row}"] = three(first - values)
        if name.startswith(("weights", "neurons")):
            entry["dense less generated"] = three(whole - first)
        if TRAINED in table:
            entry[f"dense real less {TRAINED}"] = three(found["weights 0.0"]["real, magnitude"] - table[TRAINED])
        report[name] = entry
    return report


def _cell(three: list[float], sign: str = "") -> str:
    return f"{three[0]:{sign}.3f} [{three[1]:{sign}.3f}, {three[2]:{sign}.3f}]"


def show(family: str, report: Mapping[str, Any]) -> None:
    """Print the tables of one family."""
    differences = [f"less {source}" for source in SOURCES[1:]]
    print(f"\n### {family}\n")
    print("| zero | " + " | ".join([*SOURCES, TRAINED, *differences, "dense less generated"]) + " |")
    print("|---" * (3 + 2 * len(SOURCES)) + "|")
    for name, entry in report.items():
        if "dense less generated" in entry:
            cells = [f"{entry[source][0]:.3f}" if source in entry else "" for source in (*SOURCES, TRAINED)]
            cells += [_cell(entry[key], "+") for key in (*differences, "dense less generated")]
            print(f"| {name} | " + " | ".join(cells) + " |")
    names = ("mask IoU", "mask IoU, neurons matched", "dense weights under")
    for name in (name for name in names if name in report):
        cells = [f"{row} {_cell(three)}" for row, three in report[name].items() if not row.startswith("less")]
        print(f"\n{name} at {MASKED:.0%} zeros: " + "; ".join(cells))
    print(f"(IoU of independent masks: {chance():.3f})")


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write ``benchmarks/results/sparsity-FAMILIES[-WIDTHS].json``."""
    options_parser = parser(__doc__)
    options_parser.set_defaults(families=["mlp", "diffusion"])
    options_parser.add_argument("--weights-share", type=float, default=0.5, help="of networks asked to be sparse")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    training = {"weights_share": options.weights_share}
    parts: dict[str, list[dict[str, dict[str, Values]]]] = {family: [] for family in options.families}
    for seed in options.seeds:
        bench = Bench.open(options.preset, changes_of(options), seed, options.runs)
        trained = trained_sparse(bench)
        for family, found in parts.items():
            found.append(one_seed(bench, family, training, trained))
    families = {family: summarised(joined(found)) for family, found in parts.items()}
    for family, report in families.items():
        show(family, report)
    name = "-".join(["sparsity", *options.families, *map(str, options.widths or ())])
    write_result(name, options, {"chance_iou": chance(), "families": families}, began)


def joined(parts: Sequence[Mapping[str, Mapping[str, Values]]]) -> dict[str, dict[str, Values]]:
    """The architectures of all seeds, one seed after another."""
    return {
        name: {row: np.concatenate([part[name][row] for part in parts]) for row in table}
        for name, table in parts[0].items()
    }


if __name__ == "__main__":
    main()
