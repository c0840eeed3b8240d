"""A whole network without channels that are constant or that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from search_spaces import Architecture, Edge, Node
from search_spaces.blueprint import free_word
from search_spaces.network import GraphNetwork
from search_spaces.operations import shapes
from workbench.export.channels.linear import ConvRule, DenseRule
from workbench.export.channels.mixing import AttentionRule, RecurrentRule, SqueezeRule
from workbench.export.channels.passing import ConcatRule, FlattenRule, NormRule, PointwiseRule, PositionRule, SumRule
from workbench.export.channels.rule import Known, Part, Rule, Site, Small, Wanted, listed

# dimension names: as in workbench.export.channels.rule

RULES: Mapping[str, Rule] = {
    "dense": DenseRule("linear"),
    "gated_dense": DenseRule("linear", "gate"),
    "conv": ConvRule(),
    "attention": AttentionRule(),
    "recurrent": RecurrentRule(),
    "squeeze_excite": SqueezeRule(),
    "add": SumRule(),
    "identity": SumRule(),
    "pool": SumRule(),
    "global_pool": SumRule(),
    "position": PositionRule(),
    "concat": ConcatRule(),
    "flatten": FlattenRule(),
    "activation": PointwiseRule(),
    "multiply": PointwiseRule(),
    "zero": PointwiseRule(),
    "norm": NormRule(),
}
"""By operation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shrunk:
    """A smaller network that computes the same.

    Attributes:
        architecture: of the space ``compacted``, without a genome and without optional wires.
        chosen: see `GraphNetwork`.
        state: its tensors.
        open_neurons: of layers that had to keep closed channels.
    """

    architecture: Architecture
    chosen: Mapping[str, list[int]]
    state: Mapping[str, Tensor]
    open_neurons: Mapping[str, Tensor]

    def network(self) -> GraphNetwork:
        """It, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):  # the fresh weights are overwritten
            module = GraphNetwork(self.architecture, self.chosen).to(next(iter(self.state.values())).dtype)
        module.load(self.state).connect(self.open_neurons, {})
        return module.eval()


@torch.no_grad()
def shrink_network(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    open_neurons: Mapping[str, Tensor],
    closed: frozenset[tuple[str, str]],
) -> Shrunk:
    """Take out all that can go without changing what the network computes, up to float rounding.

    - closed neurons, channels and wires;
    - what is the same for every input and position: added to the biases of its readers;
    - what nobody reads, or reads with weights of zero only; heads of attention as a whole;
    - input channels that no remaining row of a layer weighs.

    A layer with a norm keeps all its open channels as long as one of them is read, since each counts in the norm; a
    norm by itself keeps all its channels. Where sources of a sum differ in their channels, a ``select`` brings them
    to the same places.

    Args:
        architecture: of our own operations.
        state: its tensors.
        open_neurons: per maskable node which are open.
        closed: (source, target) of closed optional wires.
    """
    return _Pass(architecture, state, open_neurons, closed).run()


@dataclass(frozen=True, eq=False)
class _Feed:
    """One wire into a node, open or closed; what comes is cut or padded to ``width`` channels."""

    source: str
    width: int
    is_open: bool

    def known(self, source: Known) -> Known:
        if not self.is_open:
            return Known.zeros(self.width)
        return Known(_fit(source.constant, self.width, True), _fit(source.value, self.width, 0.0))

    def part(self, source: Part) -> Part:
        if not self.is_open:
            nothing = Known.zeros(self.width)
            return Part(nothing, torch.zeros_like(nothing.constant), nothing.value)
        return Part(
            self.known(source.known), _fit(source.here, self.width, False), _fit(source.missing, self.width, 0.0)
        )


@dataclass(eq=False)
class _Demand:
    """What readers want of a node so far; ``exists`` if one of them needs a value of its shape, whatever it is."""

    moving: Tensor
    full: Tensor
    exists: bool = False

    def add(self, wanted: Wanted) -> None:
        count = len(self.moving)
        self.moving |= _fit(wanted.moving, count, False)
        self.full |= _fit(wanted.full, count, False)


@dataclass(eq=False)
class _Built:
    """The smaller graph so far."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    chosen: dict[str, list[int]] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)
    masks: dict[str, Tensor] = field(default_factory=dict)


class _Pass:
    def __init__(
        self,
        architecture: Architecture,
        state: Mapping[str, Tensor],
        open_neurons: Mapping[str, Tensor],
        closed: frozenset[tuple[str, str]],
    ) -> None:
        self.architecture = architecture
        self.shapes = shapes(architecture)
        self.data = architecture.nodes[0].name
        self.dtype = next(iter(state.values())).dtype
        self.names = {node.name for node in architecture.nodes}
        own: dict[str, dict[str, Tensor]] = {node.name: {} for node in architecture.nodes}
        for name, tensor in state.items():
            owner, _, rest = name.partition(".")
            own[owner][rest] = tensor.detach().cpu().double()
        self.sites: dict[str, Site] = {}
        self.feeds: dict[str, list[_Feed]] = {}
        for node in architecture.nodes[1:]:
            edges = architecture.edges_into(node.name)
            first = self.shapes[edges[0].source]
            self.feeds[node.name] = [
                _Feed(
                    e.source,
                    self.shapes[e.source][0] if node.operation == "concat" else first[0],
                    (e.source, node.name) not in closed,
                )
                for e in edges
            ]
            mask = open_neurons.get(node.name)
            is_open = None if mask is None or bool(mask.all()) else mask.cpu().bool()
            self.sites[node.name] = Site(node, first, self.shapes[node.name], own[node.name], is_open)

    def run(self) -> Shrunk:
        known = self._forwards()
        kept = self._backwards(known)
        built = self._build(known, kept)
        return Shrunk(
            architecture=Architecture(space="compacted", nodes=tuple(built.nodes), edges=tuple(built.edges)),
            chosen=built.chosen,
            state=built.state,
            open_neurons=built.masks,
        )

    def _inputs(self, name: str, known: Mapping[str, Known]) -> list[Known]:
        return [feed.known(known[feed.source]) for feed in self.feeds[name]]

    def _forwards(self) -> dict[str, Known]:
        count = self.shapes[self.data][0]
        known = {self.data: Known(torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.float64))}
        for name, site in self.sites.items():
            known[name] = RULES[site.node.operation].settle(site, self._inputs(name, known))
        return known

    def _backwards(self, known: Mapping[str, Known]) -> dict[str, Tensor]:
        """Which channels of each node stay; nodes that go are not among them."""
        demands = {n: _Demand(torch.zeros_like(k.constant), torch.zeros_like(k.constant)) for n, k in known.items()}
        last = self.architecture.nodes[-1].name
        kept: dict[str, Tensor] = {}
        for name in reversed(self.sites):
            site, demand = self.sites[name], demands[name]
            rule, inputs = RULES[site.node.operation], self._inputs(name, known)
            stays = Wanted(demand.moving, demand.full).of(known[name])
            if name == last:
                stays, demand.full = torch.ones_like(stays), torch.ones_like(stays)
            elif not bool(stays.any()):
                if not demand.exists:
                    continue
                stays[0] = True
            stays = kept[name] = rule.whole(site, stays, inputs)
            wants = rule.wants(site, stays, demand.full, inputs)
            brings = [bool(wanted.of(own).any()) for wanted, own in zip(wants, inputs, strict=True)]
            for i, (feed, wanted) in enumerate(zip(self.feeds[name], wants, strict=True)):
                if feed.is_open:
                    demands[feed.source].add(wanted)
                if not brings[i] and (i == 0 and not any(brings) if rule.adds else len(wanted.moving) > 0):
                    self._anchor(feed, demands)
        return kept

    def _anchor(self, feed: _Feed, demands: Mapping[str, _Demand]) -> None:
        """Make sure that something of the source's positions is there, for zeros to be made of."""
        if len(self.shapes[feed.source]) > 1 and self.shapes[feed.source][1:] != self.shapes[self.data][1:]:
            demands[feed.source].exists = True

    def _build(self, known: Mapping[str, Known], kept: Mapping[str, Tensor]) -> _Built:
        built = _Built(nodes=[self.architecture.nodes[0]])
        everything = torch.ones_like(known[self.data].constant)
        parts = {self.data: Part(known[self.data], everything, known[self.data].value)}
        rows = {self.data: everything}
        for name, site in self.sites.items():
            if name not in kept:
                parts[name] = Part(known[name], torch.zeros_like(known[name].constant), known[name].value)
                continue
            rule = RULES[site.node.operation]
            small = rule.shrink(site, kept[name], [f.part(parts[f.source]) for f in self.feeds[name]])
            for source in self._sources(name, small, rule.adds, rows, built):
                is_skip = rule.adds and len(site.out) == 1 and site.node.operation != "add" and _reads(built, name)
                built.edges.append(Edge(source=source, target=name, kind="skip" if is_skip else "main"))
            built.nodes.append(small.node)
            built.state |= {f"{name}.{own}": tensor.to(self.dtype) for own, tensor in small.state.items()}
            if small.is_open is not None:
                built.masks[name] = small.is_open
            rows[name] = kept[name]
            missing = torch.zeros_like(known[name].value) if small.missing is None else small.missing
            missing = torch.where(kept[name], missing, known[name].value)
            parts[name] = Part(known[name], kept[name] & known[name].felt, missing)
        return built

    def _sources(self, name: str, small: Small, adds: bool, rows: Mapping[str, Tensor], built: _Built) -> list[str]:
        """The node that each wire now comes from, with a ``select`` between where channels change places."""
        feeds = list(zip(self.feeds[name], small.takes, strict=True))
        bringing = [pair for pair in feeds if any(place >= 0 for place in pair[1])]
        if adds:
            feeds = bringing or feeds[:1]
        found: list[str] = []
        for feed, take in feeds:
            if not take:
                continue
            source = feed.source
            if all(place < 0 for place in take):
                source = self._nothing(feed, rows, built)
                found.append(self._select(source, name, [-1] * len(take), built))
                continue
            order = {channel: i for i, channel in enumerate(listed(rows[source]))}
            places = [order[channel] if channel >= 0 else -1 for channel in take]
            found.append(source if places == list(range(len(order))) else self._select(source, name, places, built))
        return found

    def _nothing(self, feed: _Feed, rows: Mapping[str, Tensor], built: _Built) -> str:
        """A node of the feed's positions, whatever it holds."""
        shape, data = self.shapes[feed.source], self.shapes[self.data]
        if shape[1:] == data[1:]:
            return self.data
        if len(shape) > 1:
            assert feed.source in rows
            return feed.source
        if flat := next((n.name for n in built.nodes if n.name not in self.names and n.operation == "flatten"), None):
            return flat
        name = free_word("flat", {*self.names, *(node.name for node in built.nodes)})
        built.nodes.append(Node(name=name, operation="flatten"))
        built.edges.append(Edge(source=self.data, target=name))
        return name

    def _select(self, source: str, target: str, places: list[int], built: _Built) -> str:
        name = free_word(f"{source}_to_{target}", {*self.names, *(node.name for node in built.nodes)})
        built.nodes.append(Node(name=name, operation="select", choices=(("channels", len(places)),)))
        built.edges.append(Edge(source=source, target=name))
        built.chosen[name] = places
        return name


def _reads(built: _Built, name: str) -> bool:
    return any(edge.target == name for edge in built.edges)


def _fit(values: Tensor, width: int, filler: float) -> Tensor:
    """Cut or padded."""
    if len(values) == width:
        return values
    return functional.pad(values, (0, max(0, width - len(values))), value=filler)[:width]
