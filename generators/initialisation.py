"""Fresh weights: what a network starts from before any training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, UInt64
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from generators.tokens import LANES, BatchLayout, TokenLayout, WeightTokenizer
from search_spaces import Blueprint, WeightloomError

# dimension names: networks, tokens, entries as in generators.tokens

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def initial_tokens(
    tokenizer: WeightTokenizer, blueprints: Sequence[Blueprint], seeds: Sequence[int]
) -> Float[Tensor, "networks tokens entries"]:
    """Fresh weights N(0, 1/fan-in), zero biases and neutral norms.

    Networks with equal seeds start from one shared tensor: the weight of neuron i of the k-th node (the last
    node counts as one place of its own) for input j is the same in all of them, up to the scale by fan-in.
    """
    layout = tokenizer.batch(blueprints)
    return (layout.centre + initial_values(layout, seeds) * layout.scale) * layout.used


def common_values(layout: BatchLayout) -> Float[Tensor, "networks tokens entries"]:
    """``initial_values`` of seed 0 for every network, on the layout's device; cached by architecture."""
    return pad_sequence([_common(part) for part in layout.layouts], batch_first=True).to(layout.node.device)


@lru_cache(maxsize=1024)
def _common(part: TokenLayout) -> Float[Tensor, "tokens entries"]:
    return initial_values(WeightTokenizer(part.used.shape[1] - LANES).batch([part.blueprint]), [0])[0]


def initial_values(layout: BatchLayout, seeds: Sequence[int]) -> Float[Tensor, "networks tokens entries"]:
    """The same in natural units: N(0, 1) for weights, 0 on lanes and where nothing is.

    Each number is a function of (seed, place of the node, neuron, chunk, entry) alone: a counter-based
    stream, so that nothing depends on how wide a layer is or on who else is in the batch (which
    ``torch.randn`` cannot promise: the end of a draw depends on its length).

    Args:
        layout: of the networks, on the CPU or not; the values come on the CPU.
        seeds: one per network, any integers; they count modulo 2^64.
    """
    if len(seeds) != len(layout.layouts):
        raise WeightloomError(f"initial weights: expected {len(layout.layouts)} seeds, got {len(seeds)}")
    last = torch.tensor([len(blueprint.architecture.nodes) - 1 for blueprint in layout.blueprints])[:, None]
    node = layout.node.cpu()
    place = torch.where(node == last, torch.zeros_like(node), node)
    key = np.array([seed % 2**64 for seed in seeds], dtype=np.uint64)[:, None]
    for part in (place, layout.neuron.cpu(), layout.chunk.cpu()):
        key = _mix(key + GOLDEN) + part.numpy().astype(np.uint64)
    weights = layout.used[..., LANES:].cpu().numpy()
    network, token, entry = np.nonzero(weights)
    values = np.zeros(tuple(layout.used.shape), dtype=np.float32)
    state = _mix(key + GOLDEN)[network, token] + (entry.astype(np.uint64) + np.uint64(1)) * GOLDEN
    values[network, token, LANES + entry] = _normal(_mix(state))
    return torch.from_numpy(values)


def _mix(state: UInt64[np.ndarray, "*shape"]) -> UInt64[np.ndarray, "*shape"]:
    """The output function of SplitMix64 (Steele et al. 2014, OOPSLA, figure 17); arithmetic modulo 2^64."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _normal(bits: UInt64[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
    """N(0, 1) from the two ends of 64 random bits (Box & Muller 1958), at most 5.8 in size."""
    unit = np.float32(2.0**-24)
    radius = ((bits >> np.uint64(40)).astype(np.float32) + np.float32(1)) * unit
    angle = (bits & np.uint64(0xFFFFFF)).astype(np.float32) * unit
    return np.sqrt(np.float32(-2) * np.log(radius)) * np.cos(np.float32(2 * np.pi) * angle)
