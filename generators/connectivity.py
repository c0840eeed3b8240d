"""Which neurons, wires and weights stay: by place, by emitted scores with gradients straight through, by magnitude."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.tokens import LANES, BatchLayout

# dimension names: networks, tokens, entries, edges as in generators.tokens; neurons = of all nodes of all networks

FLOOR = 0.5
"""Of an even share, what every layer keeps of its weights; without it layers die above 90 % of zeros."""


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
    """1 for open neurons: of each network's hidden ones round(density x count), filled up evenly.

    Every maskable node keeps its strongest neuron, then every one its second, and so on until the budget is spent, so
    that a wide layer gives up neurons before a narrow one does. A neuron in several tokens has the sum of their
    strengths. Neurons that may not be closed are open; one of each maskable node is, whatever the budget.
    At a density of 1 all are, at no cost.
    """
    if bool((density >= 1).all()):
        return layout.real.to(strength.dtype)
    index = neuron_index(layout)
    count = int(index.max()) + 1
    by_neuron = strength.new_zeros(count).index_add(0, index.reshape(-1), (strength * layout.real).reshape(-1))
    first = layout.maskable & (layout.chunk == 0)
    node = index[first] // (int(layout.neuron.max()) + 1)
    network = torch.nonzero(first)[:, 0]
    # place within the node: sort by strength, then stably by node
    order = torch.argsort(by_neuron[index[first]], descending=True, stable=True)
    within = _places(order[torch.argsort(node[order], stable=True)], node)
    # place within the network: by place within the node, then stably by network
    order = torch.argsort(within, stable=True)
    place = _places(order[torch.argsort(network[order], stable=True)], network)
    budget = (density * torch.bincount(network, minlength=len(density))).round()
    keep = (place < budget[network]) | (within == 0)
    open_neuron = strength.new_ones(count)
    open_neuron[index[first]] = keep.to(strength.dtype)
    return open_neuron[index] * layout.real


def keep_first(layout: BatchLayout, density: Float[Tensor, " networks"]) -> Float[Tensor, "networks tokens"]:
    """The same for neurons that are told apart by nothing but their place: the first of each node stay.

    Hidden neurons are exchangeable: which are open says nothing, how many of each layer does. A generator that always
    opens the first ones learns networks that work at every width (Yu et al. 2019, slimmable networks,
    arXiv:1812.08928). Scores of its own for each neuron, with gradients straight through, were measured worse than
    magnitude pruning of its dense networks.
    """
    place = torch.where(layout.chunk == 0, -layout.neuron, torch.zeros_like(layout.neuron))
    return keep_strongest(layout, place.to(density.dtype), density)


def _places(order: Int[Tensor, " neurons"], group: Int[Tensor, " neurons"]) -> Int[Tensor, " neurons"]:
    """The place of each neuron within its group, where ``order`` sorts groups one after another."""
    sizes = torch.bincount(group, minlength=int(group.max()) + 1 if len(group) else 1)
    starts = torch.cumsum(sizes, 0) - sizes
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device) - starts[group[order]]
    return place


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """``hard`` forwards, the gradient of ``soft`` backwards (Bengio et al. 2013, arXiv:1308.3432)."""
    return hard + (soft - soft.detach())  # in this order the forward value is exactly ``hard``


def open_edges(layout: BatchLayout, logits: Float[Tensor, "networks edges"]) -> Float[Tensor, "networks edges"]:
    """Gates from emitted scores: open where the score is above 0, gradient of the sigmoid."""
    real = layout.edge_real.to(logits.dtype)
    return straight_through((logits > 0).to(logits.dtype), torch.sigmoid(logits)) * real


def heaviest(
    layout: BatchLayout,
    tokens: Float[Tensor, "networks tokens entries"],
    open_neurons: Float[Tensor, "networks tokens"],
    share: Float[Tensor, " networks"],
) -> Bool[Tensor, "networks tokens entries"]:
    """Which entries stay: of each network's weights the max(1, round(share x count)) of greatest magnitude.

    A weight is an entry off the three lanes of bias, scale and shift, in a token whose neuron is open; magnitude is
    in natural units, so that layers of differing fan-in compete on equal terms over the whole network. But every
    layer has ``FLOOR`` of its even part, rounded up, before the others get more; where the budget is smaller than
    that, the greatest of these stay. Zeros are the last to be kept, lanes always are. Below a share of 1 the weights
    of closed neurons go too, outside the budget; those that read from a closed neuron count as any. Of equal
    magnitudes the first stay, in the order of tokens.

    Args:
        layout: of the networks.
        tokens: parameter values.
        open_neurons: 1 = the token's neuron is open.
        share: to keep, above 0 and at most 1; at 1 all entries stay.
    """
    counted = layout.used[..., LANES:] & (open_neurons > 0.5)[..., None]
    flat = counted.flatten(1)
    layer = layout.node[..., None].expand_as(counted).flatten(1)
    size = torch.where(counted, tokens[..., LANES:].abs() / layout.scale[..., LANES:], -1.0).flatten(1)
    by_size = torch.argsort(size, dim=1, descending=True, stable=True)
    by_layer = by_size.gather(1, torch.argsort(layer.gather(1, by_size), dim=1, stable=True))
    entries, weights = (flat.new_zeros(len(flat), int(layer.max()) + 1, dtype=torch.long) for _ in range(2))
    entries.scatter_add_(1, layer, torch.ones_like(layer))
    weights.scatter_add_(1, layer, flat.long())
    in_layer = _ranks(by_layer) - (entries.cumsum(1) - entries).gather(1, layer)
    first = (in_layer < (FLOOR * share[:, None] * weights).ceil().gather(1, layer)) & (size > 0)
    order = by_size.gather(1, torch.argsort(first.gather(1, by_size), dim=1, descending=True, stable=True))
    budget = (share * flat.sum(1)).round().clamp_min(1)
    keep = (flat & (_ranks(order) < budget[:, None])).view_as(counted) | (share >= 1)[:, None, None]
    return torch.cat([keep.new_ones(*keep.shape[:2], LANES), keep], dim=-1)


def _ranks(order: Int[Tensor, "networks numbers"]) -> Int[Tensor, "networks numbers"]:
    """At which place of the order each number stands."""
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def sparse_weights(
    layout: BatchLayout,
    tokens: Float[Tensor, "networks tokens entries"],
    open_neurons: Float[Tensor, "networks tokens"],
    share: Float[Tensor, " networks"],
) -> Float[Tensor, "networks tokens entries"]:
    """``tokens`` with exact zeros for all weights but the ``heaviest``; at a share of 1 the identity, at no cost.

    Masks by magnitude anew at every step are those of Wortsman et al. 2019 (Discovering neural wirings,
    arXiv:1906.00586, eq. 5-6), but the gradient passes to weights that stay and not straight through to those that
    are cut: a cut weight of a generated network moves all the same, with the parameters that emit it, and so can grow
    back. Straight through, the same training ends at a score of .62 instead of .91 with 90 % zeros (``mlp`` on digits).
    """
    if bool((share >= 1).all()):
        return tokens
    return torch.where(heaviest(layout, tokens.detach(), open_neurons.detach(), share), tokens, 0.0)
