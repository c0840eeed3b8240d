"""Trained weights for an architecture they were not trained for, and how far two architectures are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.collection import Collection
from generators.generated import Generated
from generators.tokens import TokenLayout, WeightTokenizer
from search_spaces import Blueprint, ParameterSpec

# dimension names: tokens, entries, edges of the target network; sources = networks that are adapted

UNIT = 1000
"""Distances are counted in whole thousandths, so that ties are exact on every machine."""
NODE_WEIGHT, CHOICE_WEIGHT, NORM_WEIGHT, EDGE_WEIGHT = 10 * UNIT, UNIT // 4, UNIT // 2, UNIT // 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapted:
    """Source networks cut and padded to the shape of one target.

    Attributes:
        values: natural units of the target (see ``heads.to_values``); 0 where the source has nothing, which
            is a weight of 0 and a neutral norm; all parameters of a neuron that the source closed are raw 0,
            the scale of a norm too, so that it puts out 0 as it did closed.
        present: entries that the source has, closed or not.
        open_neurons: 0 = the source has this neuron closed; 1 also where it does not have it.
        gates: of the target's optional edges: the source's gate; 1 if the wire is no optional one there,
            0 if the source has no such wire.
    """

    values: Float[Tensor, "sources tokens entries"]
    present: Bool[Tensor, "sources tokens entries"]
    open_neurons: Float[Tensor, "sources tokens"]
    gates: Float[Tensor, "sources edges"]

    @property
    def alive(self) -> Bool[Tensor, "sources tokens entries"]:
        """Entries of open neurons that the source has."""
        return self.present & (self.open_neurons > 0.5)[..., None]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Route:
    """For one pair of architectures, where each of the target's numbers comes from; −1 = nowhere."""

    entry: Int[Tensor, " tokens_times_entries"]
    token: Int[Tensor, " tokens"]
    gate: Int[Tensor, " edges"]


def adapt(source: Generated | Collection, target: Blueprint, indices: Sequence[int] | None = None) -> Adapted:
    """Every entry of the target takes the raw value of the source's entry of the same role and coordinate.

    Coordinates are: the node by place (last node ↔ last node, others by topological index, surplus hidden
    nodes from the source's last hidden node); the parameter by role and order within the node; neuron and
    weight column by index, axis by axis (flattened where the numbers of axes differ). Values are copied as
    they are, not scaled by fan-in, so that a wider target without norms computes the same function.

    Args:
        source: trained networks.
        target: of any space or module.
        indices: which of the networks; all by default.
    """
    device, tokenizer, blueprints = source.device, source.tokenizer, source.blueprints
    picks = list(range(len(blueprints)) if indices is None else indices)
    layout = tokenizer.layout(target)
    shape = (len(picks), len(layout), tokenizer.entries)
    raw = torch.zeros(shape, device=device)
    present = torch.zeros(shape, dtype=torch.bool, device=device)
    open_neurons = torch.ones(shape[:2], device=device)
    gates = torch.zeros(len(picks), len(target.optional_edges), device=device)
    groups: dict[Blueprint, list[int]] = {}
    for row, index in enumerate(picks):
        groups.setdefault(blueprints[index], []).append(row)
    for blueprint, rows in groups.items():
        route = _route(blueprint, target, tokenizer)
        at = torch.tensor(rows, device=device)
        tokens, neurons, own_gates = source.rows([picks[row] for row in rows])
        entry, token, gate = (x.to(device) for x in (route.entry, route.token, route.gate))
        raw[at] = tokens.flatten(1).index_select(1, entry.clamp_min(0)).view(-1, *shape[1:])
        present[at] = (entry >= 0).view(shape[1:])
        open_neurons[at] = torch.where(token >= 0, neurons.index_select(1, token.clamp_min(0)), torch.ones(()))
        known = torch.nn.functional.pad(own_gates, (0, 2))
        known[:, -2] = 1.0
        gates[at] = known.index_select(1, torch.where(gate < 0, known.shape[1] + gate, gate))
    centre, scale = layout.centre.to(device), layout.scale.to(device)
    values = torch.where(present, (raw - centre) / scale, torch.zeros((), device=device))
    return Adapted(
        values=silence(values, open_neurons, layout), present=present, open_neurons=open_neurons, gates=gates
    )


def silence(
    values: Float[Tensor, "sources tokens entries"],
    open_neurons: Float[Tensor, "sources tokens"],
    layout: TokenLayout,
) -> Float[Tensor, "sources tokens entries"]:
    """All parameters of closed neurons set to a raw 0, in natural units; such a neuron puts out 0."""
    zero = torch.where(layout.used, -layout.centre / layout.scale, torch.zeros(())).to(values.device)
    return torch.where((open_neurons > 0.5)[..., None], values, zero)


def place_in(source_nodes: int, target_nodes: int, node: int) -> int | None:
    """Index of the source's node that stands at the place of the target's node, if there is one."""
    if node == 0:
        return 0
    if node == target_nodes - 1:
        return source_nodes - 1
    return min(node, source_nodes - 2) if source_nodes > 2 else None


@lru_cache(maxsize=2048)
def _route(source: Blueprint, target: Blueprint, tokenizer: WeightTokenizer) -> _Route:
    theirs, ours = tokenizer.layout(source), tokenizer.layout(target)
    known = _by_role(source)
    counts = len(source.architecture.nodes), len(target.architecture.nodes)
    entry = np.full(len(ours) * tokenizer.entries, -1, dtype=np.int32)
    for (node, role, earlier), spec in _by_role(target).items():
        place = place_in(*counts, node)
        match = None if place is None else known.get((place, role, earlier))
        if match is None:
            continue
        to, of = ours.positions[spec.name].numpy(), theirs.positions[match.name].numpy()
        if to.ndim != of.ndim:
            to, of = (
                to.reshape(to.shape[0] if to.ndim else 1, -1),
                of.reshape(of.shape[0] if of.ndim else 1, -1),
            )
        common = tuple(slice(min(a, b)) for a, b in zip(to.shape, of.shape, strict=True))
        entry[to[common]] = of[common]
    # a neuron's mask is that of the token which its first token draws from
    token = (entry.reshape(len(ours), -1).max(1) // tokenizer.entries)[np.arange(len(ours)) - ours.chunk.numpy()]
    return _Route(
        entry=torch.from_numpy(entry),
        token=torch.from_numpy(token),
        gate=torch.tensor(_gate_route(source, target), dtype=torch.int32),
    )


def _by_role(blueprint: Blueprint) -> dict[tuple[int, str, int], ParameterSpec]:
    """Parameters by (index of the node, role, how many of that role the node had before)."""
    order = {node.name: i for i, node in enumerate(blueprint.architecture.nodes)}
    found: dict[tuple[int, str, int], ParameterSpec] = {}
    for spec in blueprint.parameters:
        earlier = 0
        while (order[spec.node], spec.role, earlier) in found:
            earlier += 1
        found[order[spec.node], spec.role, earlier] = spec
    return found


def _gate_route(source: Blueprint, target: Blueprint) -> list[int]:
    """Per optional edge of the target the source's gate; −2 = always open, −1 = no such wire."""
    theirs, ours = source.architecture, target.architecture
    order = {node.name: i for i, node in enumerate(theirs.nodes)}
    wires = {(order[e.source], order[e.target]): -2 for e in theirs.edges if not e.optional}
    wires |= {(order[e.source], order[e.target]): i for i, e in enumerate(theirs.optional_edges)}
    index = {node.name: i for i, node in enumerate(ours.nodes)}
    ends = [
        tuple(place_in(len(theirs.nodes), len(ours.nodes), index[name]) for name in (e.source, e.target))
        for e in ours.optional_edges
    ]
    return [wires.get((a, b), -1) if a is not None and b is not None else -1 for a, b in ends]


class ArchitectureIndex:
    """Blueprints that the distance to any other can be asked of at once.

    Args:
        blueprints: in the order of the distances.
    """

    def __init__(self, blueprints: Sequence[Blueprint]) -> None:
        features = [_features(blueprint) for blueprint in blueprints]
        self.columns = {name: i for i, name in enumerate(dict.fromkeys(n for f in features for n in f))}
        self.table = np.zeros((len(features), len(self.columns)), dtype=np.int64)
        for row, feature in enumerate(features):
            self.table[row, [self.columns[name] for name in feature]] = list(feature.values())

    def distances(self, target: Blueprint) -> Int[np.ndarray, " blueprints"]:
        """To each blueprint, in thousandths of ``architecture_distance``."""
        own = np.zeros(len(self.columns), dtype=np.int64)
        foreign = 0
        for name, value in _features(target).items():
            if name in self.columns:
                own[self.columns[name]] = value
            else:
                foreign += abs(value)
        return np.abs(self.table - own).sum(1) + foreign


def architecture_distance(a: Blueprint, b: Blueprint) -> float:
    """L1 distance between the features of two graphs, node by place; 0 and up, symmetric, 0 for equal graphs.

    Places are: first node, last node, the others by topological index. Counted are 10 for each node that only
    one of them has, else |difference of log widths|, 0.5 for each operation or choice (activation, norm) that
    differs and 0.5 more for a norm that only one has; 0.5 for each wire that only one has. So depth decides
    first. Blueprints rather than architectures, since a user's module has its widths in the former only.
    """
    return float(ArchitectureIndex([b]).distances(a)[0]) / UNIT


@lru_cache(maxsize=4096)
def _features(blueprint: Blueprint) -> dict[tuple[object, ...], int]:
    nodes = blueprint.architecture.nodes
    place: dict[str, int | str] = {node.name: i for i, node in enumerate(nodes)}
    place[nodes[0].name], place[nodes[-1].name] = "first", "last"
    widths = {spec.node: spec.shape[0] for spec in reversed(blueprint.parameters) if spec.shape}
    normed = {spec.node for spec in blueprint.parameters if spec.role == "scale"}
    features: dict[tuple[object, ...], int] = {}
    for node in nodes:
        at, choices = place[node.name], dict(node.choices)
        width = choices.pop("width", widths.get(node.name, 1))
        features["node", at] = NODE_WEIGHT
        features["width", at] = round(UNIT * math.log(max(1, int(width))))
        features["norm", at] = NORM_WEIGHT * (node.name in normed)
        features["operation", at, node.operation] = CHOICE_WEIGHT
        for name, value in choices.items():
            features["choice", at, name, value] = CHOICE_WEIGHT
    for edge in blueprint.architecture.edges:
        features["edge", edge.kind, place[edge.source], place[edge.target]] = EDGE_WEIGHT
    return features
