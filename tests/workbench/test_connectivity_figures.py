"""Figures of emitted connectivity against networks whose masks were planted."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Blueprint, MLPSpace
from workbench.evaluation.connectivity import connectivity
from workbench.evaluation.sparsity import magnitude_pruned

LATENTS = 4


@pytest.fixture(scope="module")
def networks() -> Generated:
    """Four fresh networks of each of two architectures, one of which has an optional edge."""
    space = MLPSpace(inputs=6, outputs=3, depths=(2,), widths=(8,), activations=("relu",))
    plain = {"norm": "none", "depth": 2, "width_1": 8, "activation_1": "relu", "width_2": 8, "activation_2": "relu"}
    blueprints = [
        Blueprint.of(space.from_genome({**plain, "skip_1": skip})) for skip in (True, False) for _ in range(LATENTS)
    ]
    tokenizer = WeightTokenizer()
    tokens = initial_tokens(tokenizer, blueprints, range(len(blueprints)))
    return Generated.dense(tokenizer, tokenizer.batch(blueprints), tokens)


def test_a_dense_network_has_no_mask_to_compare(networks: Generated) -> None:
    found = connectivity(networks, LATENTS)
    assert "mask_iou" not in found
    assert found["neurons_removed"].mean == found["edges_closed"].mean == found["edge_entropy"].mean == 0.0


@pytest.mark.parametrize(("open_in", "bits"), [(2, 1.0), (1, 0.8113), (4, 0.0)])
def test_edge_entropy_counts_only_networks_that_have_the_edge(networks: Generated, open_in: int, bits: float) -> None:
    gates = networks.gates.clone()
    assert gates.shape[1] == 1
    gates[:, 0] = (torch.arange(len(networks)) < open_in).float()
    found = connectivity(replace(networks, gates=gates), LATENTS)
    assert found["edge_entropy"].mean == pytest.approx(bits, abs=1e-4)
    assert found["edge_entropy"].n == 1
    assert found["edges_closed"].mean == pytest.approx(1 - open_in / LATENTS)


@pytest.mark.parametrize("kind", ["weights", "neurons"])
def test_mask_iou_is_that_of_all_pairs(networks: Generated, kind: str) -> None:
    pruned = magnitude_pruned(networks, 0.3, kind)  # type: ignore[arg-type]
    masks = (pruned.tokens[..., LANES:] != 0) & (pruned.open_neurons > 0.5)[..., None]
    pairs = [
        float((masks[i] & masks[j]).sum() / (masks[i] | masks[j]).sum())
        for start in (0, LATENTS)
        for i, j in combinations(range(start, start + LATENTS), 2)
    ]
    found = connectivity(pruned, LATENTS)["mask_iou"]
    assert found.mean == pytest.approx(np.mean(pairs), abs=1e-6)
    assert 0.05 < found.mean < 0.6


def test_one_mask_for_all_latents_is_seen(networks: Generated) -> None:
    tokens = networks.tokens.clone()
    tokens[..., LANES + 2 :] = 0.0
    assert connectivity(replace(networks, tokens=tokens), LATENTS)["mask_iou"].mean == 1.0
    assert set(connectivity(networks, 1)) == {"neurons_removed", "edges_closed"}
