"""From scores of neurons and wires to open and closed ones, with gradients straight through."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.tokens import BatchLayout

# dimension names: networks, tokens, edges as in generators.tokens; neurons = of all nodes of all networks


def neuron_index(layout: BatchLayout) -> Int[Tensor, "networks tokens"]:
    """A number for the neuron that each token belongs to, unique over the batch."""
    network = torch.arange(len(layout.node), device=layout.node.device)[:, None]
    nodes, neurons = int(layout.node.max()) + 1, int(layout.neuron.max()) + 1
    return (network * nodes + layout.node) * neurons + layout.neuron


def keep_strongest(
    layout: BatchLayout,
    strength: Float[Tensor, "networks tokens"],
    density: Float[Tensor, " networks"],
) -> Float[Tensor, "networks tokens"]:
    """1 for open neurons: in every maskable node the max(1, round(density x width)) of greatest strength.

    A neuron in several tokens has the sum of their strengths. Neurons that may not be closed are open.
    """
    index = neuron_index(layout)
    count = int(index.max()) + 1
    by_neuron = strength.new_zeros(count).index_add(0, index.reshape(-1), (strength * layout.real).reshape(-1))
    first = layout.maskable & (layout.chunk == 0)
    group = index[first] // (int(layout.neuron.max()) + 1)
    values = by_neuron[index[first]]
    # rank within the group: sort by value, then stably by group
    order = torch.argsort(values, descending=True, stable=True)
    order = order[torch.argsort(group[order], stable=True)]
    sizes = torch.bincount(group, minlength=int(group.max()) + 1 if len(group) else 1)
    starts = torch.cumsum(sizes, 0) - sizes
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device) - starts[group[order]]
    network = torch.nonzero(first)[:, 0]
    keep = (density[network] * sizes[group]).round().clamp_min(1)
    open_neuron = strength.new_ones(count)
    open_neuron[index[first]] = (rank < keep).to(strength.dtype)
    return open_neuron[index] * layout.real


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """``hard`` forwards, the gradient of ``soft`` backwards (Bengio et al. 2013, arXiv:1308.3432)."""
    return hard + (soft - soft.detach())  # in this order the forward value is exactly ``hard``


def open_neurons(
    layout: BatchLayout, logits: Float[Tensor, "networks tokens"], density: Float[Tensor, " networks"]
) -> Float[Tensor, "networks tokens"]:
    """Neuron masks from emitted scores: the strongest stay, exactly as many as ``density`` asks for.

    Where nothing is to be closed the mask is exactly 1 and passes no gradient.
    """
    shifted = torch.sigmoid(logits)
    hard = keep_strongest(layout, shifted.detach(), density)
    soft = torch.where(layout.maskable & (density[:, None] < 1), shifted, torch.zeros_like(shifted))
    return straight_through(hard, soft)


def open_edges(layout: BatchLayout, logits: Float[Tensor, "networks edges"]) -> Float[Tensor, "networks edges"]:
    """Gates from emitted scores: open where the score is above 0, gradient of the sigmoid."""
    real = layout.edge_real.to(logits.dtype)
    return straight_through((logits > 0).to(logits.dtype), torch.sigmoid(logits)) * real
