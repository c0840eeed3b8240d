"""Masks of another architecture, as ``benchmarks.sparsity`` swaps them."""

import torch

from benchmarks.sparsity import MASKED, Masks, of_another_architecture
from generators.generated import Generated
from generators.registry import make_generator
from generators.tokens import LANES
from search_spaces import Blueprint, MLPSpace
from workbench.evaluation.connectivity import kept_weights

SPACE = MLPSpace(inputs=6, outputs=3, depths=(1,), widths=(10, 16), activations=("relu",))
NARROW, WIDE = (
    Blueprint.of(SPACE.from_genome({"norm": "none", "depth": 1, "width_1": w, "activation_1": "relu"}))
    for w in (10, 16)
)


def swapped(blueprints: list[Blueprint]) -> tuple[Generated, Masks, Masks]:
    torch.manual_seed(0)
    generator = make_generator("mlp", {"d": 8, "hidden": 16, "layers": 1})
    seeds = range(len(blueprints))
    sparse = generator.generate(blueprints, seeds, weights=1 - MASKED)
    dense = generator.generate(blueprints, seeds)
    own = kept_weights(sparse)
    return dense, own, of_another_architecture(generator, own, dense)


def test_an_architecture_for_itself_keeps_its_mask_where_latents_agree() -> None:
    dense, own, other = swapped([WIDE, WIDE])
    assert torch.equal(other & dense.layout.used[..., LANES:], other)
    overlap = float((own & other).sum() / (own | other).sum())
    assert overlap == 1.0


def test_each_layer_keeps_as_many_and_what_both_have() -> None:
    dense, own, other = swapped([NARROW, WIDE])
    for n in range(2):
        for layer in dense.layout.node[n].unique():
            rows = dense.layout.node[n] == layer
            assert int(own[n][rows].sum()) == int(other[n][rows].sum())
    assert not torch.equal(own, other)
