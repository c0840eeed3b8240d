"""Networks of any operations: those of equal architecture as one ``torch.vmap``, one group after another.

Where each network by itself fills a processor's cache, and where ``vmap`` cannot run a user's own module, networks are
run in a loop, which gives the same.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from generators.generated import Generated
from generators.tokens import BatchLayout, TokenLayout
from search_spaces import Architecture
from search_spaces.building import network_of
from search_spaces.network import GraphNetwork, Network
from search_spaces.operations import shapes

_building = Lock()
"""One thread at a time: torch's state of chance belongs to all of them."""

IN_A_CACHE = 120_000
"""Examples times values of one node, on the mean, above which networks run apart: measured on convolutions, attention
and mixed graphs of 8 to 27 nodes, where 4 to 64 networks at once took 1 to 2 times as long per network."""

# dimension names: networks, tokens, entries, edges as in generators; members = networks of a group; batch = examples


@dataclass(frozen=True, eq=False)
class Group:
    """Networks of one architecture.

    Attributes:
        layout: of each of them.
        rows: their places in the batch.
        neurons: per maskable node the token that speaks for each of its neurons.
    """

    layout: TokenLayout
    rows: Tensor
    neurons: Mapping[str, Tensor]

    @classmethod
    def of(cls, layout: TokenLayout, rows: Sequence[int], device: torch.device) -> Group:
        """The networks at ``rows`` of a batch on ``device``."""
        nodes = layout.blueprint.architecture.nodes
        first = layout.maskable & (layout.chunk == 0)
        speaking = {nodes[i].name: torch.nonzero(first & (layout.node == i))[:, 0] for i in layout.node[first].unique()}
        return cls(
            layout=layout,
            rows=torch.tensor(list(rows), device=device),
            neurons={name: tokens.to(device) for name, tokens in speaking.items()},
        )

    def weights(self, tokens: Float[Tensor, "networks tokens entries"]) -> dict[str, Tensor]:
        """Named tensors ``[networks of the group, ...]`` from the tokens of the whole batch."""
        places = self._positions(tokens.shape[-1])
        flat = tokens if self.is_whole(len(tokens)) else tokens[self.rows]
        parts = _Named.apply(flat.flatten(1), [place.reshape(-1).to(flat.device) for place in places.values()])
        return {
            name: part.view(len(flat), *place.shape) for (name, place), part in zip(places.items(), parts, strict=True)
        }

    def is_whole(self, networks: int) -> bool:
        """Whether these are all networks of the batch, in order: groups keep it."""
        return len(self.rows) == networks

    def write(self, weights: Mapping[str, Tensor], tokens: Float[Tensor, "networks tokens entries"]) -> None:
        """The inverse of ``weights``: put them into the tokens of the whole batch."""
        for name, place in self._positions(tokens.shape[-1]).items():
            flat = place.reshape(-1).to(tokens.device)
            tokens.view(len(tokens), -1)[self.rows[:, None], flat] = weights[name].flatten(1)

    def _positions(self, entries: int) -> Mapping[str, Tensor]:
        assert entries == self.layout.used.shape[1]
        return self.layout.positions

    def _apart(self, x: Float[Tensor, "*networks batch inputs"]) -> bool:
        """Whether one network after another is faster: on a processor, if each fills its cache by itself."""
        return x.device.type == "cpu" and x.shape[-2] * _values(self.layout.blueprint.architecture) > IN_A_CACHE

    def run(
        self,
        weights: Mapping[str, Tensor],
        open_neurons: Float[Tensor, "networks tokens"] | None,
        gates: Float[Tensor, "networks edges"],
        x: Float[Tensor, "*networks batch inputs"],
    ) -> Float[Tensor, "members batch classes"]:
        """Logits of the group's networks; ``open_neurons``, ``gates`` and ``x`` are those of the whole batch."""
        module = _module(self.layout.blueprint.architecture, x.device, x.dtype)
        masks = {} if open_neurons is None else {n: open_neurons[self.rows][:, t] for n, t in self.neurons.items()}
        own = x if x.dim() == 2 else x[self.rows]

        def alone(state: Mapping[str, Tensor], mask: Mapping[str, Tensor], gate: Tensor, examples: Tensor) -> Tensor:
            return functional_call(module, dict(state), (examples, mask, gate))

        gate = gates[self.rows]
        if len(self.rows) == 1 or self._apart(own) or not _vmaps(self.layout.blueprint.architecture, x.device, x.dtype):
            own_layers = isinstance(module, GraphNetwork)
            states, closings = (_each(named, len(self.rows), own_layers) for named in (weights, masks))
            examples = [own] * len(self.rows) if own.dim() == 2 else own.unbind()
            return torch.stack([alone(*one) for one in zip(states, closings, gate.unbind(), examples, strict=True)])
        return torch.vmap(alone, in_dims=(0, 0, 0, None if own.dim() == 2 else 0))(dict(weights), masks, gate, own)


class _Named(torch.autograd.Function):
    """Columns of the tokens, several sets of them that do not overlap; backwards all are put into one array."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, places: Sequence[Tensor]) -> tuple[Tensor, ...]:
        ctx.places, ctx.shape = places, flat.shape
        return tuple(flat.index_select(1, place) for place in places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        found = gradients[0].new_zeros(ctx.shape)
        for place, gradient in zip(ctx.places, gradients, strict=True):
            found.index_copy_(1, place, gradient)
        return found, None


def _each(named: Mapping[str, Tensor], members: int, unbound: bool) -> Sequence[Mapping[str, Tensor]]:
    """One network's tensors after another.

    Args:
        named: of all networks.
        members: how many these are.
        unbound: put their gradients together in one pass; nobody may then write into the tensors.
    """
    parts = {name: value.unbind() if unbound else value for name, value in named.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(members)]


def groups_of(layout: BatchLayout) -> list[Group]:
    """The batch's networks by architecture, found once."""
    kept = layout.__dict__
    if "groups" not in kept:
        kept["groups"] = _grouped(layout)
    found: list[Group] = kept["groups"]
    return found


def _grouped(layout: BatchLayout) -> list[Group]:
    rows: dict[Architecture, list[int]] = {}
    for i, blueprint in enumerate(layout.blueprints):
        rows.setdefault(blueprint.architecture, []).append(i)
    return [Group.of(layout.layouts[places[0]], places, layout.node.device) for places in rows.values()]


def in_order(groups: Sequence[Group], logits: Sequence[Tensor]) -> Float[Tensor, "networks batch classes"]:
    """Logits of all groups in the order of the batch."""
    if len(groups) == 1:
        return logits[0]
    back = torch.argsort(torch.cat([group.rows for group in groups]))
    return torch.cat(list(logits)).index_select(0, back)


def run_grouped(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]``, differentiable in weights and connectivity.

    Args:
        generated: the networks.
        x: one batch for all networks or one for each.
    """
    groups, is_open = groups_of(generated.layout), None if generated.all_open else generated.open_neurons
    logits = [g.run(g.weights(generated.tokens), is_open, generated.gates, x) for g in groups]
    return in_order(groups, logits)


def run_parts(
    generated: Generated, parts: Sequence[Architecture], x: Float[Tensor, "batch inputs"]
) -> Float[Tensor, "networks batch classes"]:
    """Logits of a part of each network: of a graph with some of its nodes, by name, all wires open.

    What closed gates would multiply by 0 is so not run at all. One network after another, differentiable in weights.

    Args:
        generated: the networks, whose gates do not count.
        parts: one for each of them; nodes called alike have parameters of one shape.
        x: one batch for all.
    """
    logits = []
    for row, (layout, part) in enumerate(zip(generated.layout.layouts, parts, strict=True)):
        weights = Group.of(layout, [row], x.device).weights(generated.tokens)
        module = _module(part, x.device, x.dtype)
        own = {name: weights[name][0] for name, _ in module.named_parameters()}
        logits.append(functional_call(module, own, (x,)))
    return torch.stack(logits)


@lru_cache(maxsize=1024)
def _module(architecture: Architecture, device: torch.device, dtype: torch.dtype) -> Network:
    """A network to be called with other weights than its own."""
    with _building, torch.random.fork_rng(devices=[]):  # fresh weights that nobody reads
        return network_of(architecture).to(device=device, dtype=dtype).eval().requires_grad_(False)


@lru_cache(maxsize=1024)
def _values(architecture: Architecture) -> float:
    """What a node puts out for an example, on the mean of those that put out more than one axis; 0 if none is known."""
    if architecture.space == "module":  # the user's own, whose shapes nobody inferred
        return 0.0
    sizes = [math.prod(shape) for shape in shapes(architecture).values() if len(shape) > 1]
    return sum(sizes) / len(sizes) if sizes else 0.0


@lru_cache(maxsize=1024)
def _vmaps(architecture: Architecture, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether ``vmap`` runs the network, tried on two of them; our own layers are made for it."""
    module = _module(architecture, device, dtype)
    if isinstance(module, GraphNetwork):
        return True
    state = {name: parameter.expand(2, *parameter.shape).clone() for name, parameter in module.named_parameters()}
    inputs = math.prod(int(side) for _, side in architecture.nodes[0].choices)
    gates = torch.ones(2, len(architecture.optional_edges), device=device, dtype=dtype)
    x = torch.zeros(2, 3, inputs, device=device, dtype=dtype)

    def alone(state: Mapping[str, Tensor], gate: Tensor, examples: Tensor) -> Tensor:
        return functional_call(module, dict(state), (examples, {}, gate))

    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("error")  # torch warns where it would loop itself, more slowly
            for examples, way in ((x[0], None), (x, 0)):
                torch.vmap(alone, in_dims=(0, 0, way))(state, gates, examples)
    except Exception:  # a module of somebody else's may raise anything; alone it ran
        return False
    return True
