"""The steps that baselines are put together from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from generators.connectivity import keep_strongest
from generators.generated import Generated
from generators.generator import Condition, standard_normal
from generators.heads import put_together
from generators.tokens import LANES, BatchLayout, WeightTokenizer
from search_spaces import Blueprint

# dimension names: networks, tokens, entries, edges as in generators.tokens; sources as in
# generators.adaptation; roles = LANES + 1 (bias, scale, shift, weight)


def assemble(
    tokenizer: WeightTokenizer,
    layout: BatchLayout,
    values: Float[Tensor, "networks tokens entries"],
    gates: Float[Tensor, "networks edges"],
    condition: Condition,
) -> Generated:
    """Networks from values in natural units; sparse ones keep the neurons of greatest incoming weights, then weights.

    Both are magnitude pruning, see ``keep_strongest`` and ``heaviest``.
    """
    strength = (values[..., LANES:] * layout.used[..., LANES:]).square().sum(-1)
    neurons = keep_strongest(layout, strength, condition.density)
    return put_together(tokenizer, layout, values, neurons, gates * layout.edge_real, condition)


def draw_tokens(
    tokenizer: WeightTokenizer, blueprints: Sequence[Blueprint], seeds: Sequence[int]
) -> Float[Tensor, "networks tokens entries"]:
    """A number from N(0, 1) for each entry of each network's own tokens, from its own seed; 0 for padding."""
    layout = tokenizer.batch(blueprints)
    noise = torch.zeros(layout.used.shape)
    for n, (part, seed) in enumerate(zip(layout.layouts, seeds, strict=True)):
        noise[n, : len(part)] = standard_normal((len(part), tokenizer.entries), seed)
    return noise


def draw_numbers(seeds: Sequence[int], count: int) -> Float[Tensor, "networks count"]:
    """``count`` numbers from N(0, 1) for each seed."""
    return torch.stack([standard_normal((count,), seed) for seed in seeds])


def by_role(role: Float[Tensor, " roles"], entries: int) -> Float[Tensor, " entries"]:
    """One number per role spread over the entries of a token."""
    return torch.cat([role[:LANES], role[LANES:].expand(entries - LANES)])


def majority_gates(gates: Float[Tensor, "sources edges"], networks: int) -> Float[Tensor, "networks edges"]:
    """Wires that at least half of the sources have open, the same for all networks."""
    return (gates.mean(0) >= 0.5).to(gates.dtype).expand(networks, -1)


def best(scores: Sequence[float]) -> int:
    """The highest score, the first of equals."""
    return int(np.argmax(scores))
