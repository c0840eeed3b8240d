"""What may be removed from networks of one architecture without changing what they compute.

A forward pass finds what is constant, a backward pass what is read. Then, exactly up to float rounding:

- closed neurons and closed wires go;
- a neuron whose value is the same for every input goes, its value times its outgoing weights is added to
  the biases of its readers;
- a neuron that nobody reads (cut off by a narrower reader, or read with weight zero only) goes;
- an input column that no remaining neuron of a layer weighs goes.

A layer with a norm keeps all its open neurons as long as one of them is read, since each counts in the norm.
Identities are contracted into the wires of their readers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from generators.generated import Generated
from search_spaces import Architecture, WeightloomError
from search_spaces.architecture import describe
from search_spaces.network import ACTIVATION_FUNCTIONS, NORM_EPS
from search_spaces.operations import width_of

# dimension names: networks = of one architecture, rows = neurons of a node, columns = positions of its input

IDENTITY = "identity"


@dataclass(frozen=True, eq=False)
class Feed:
    """One way from a node's output to another's input: the first ``limit`` values, added at their positions.

    Attributes:
        source: a dense node or the input.
        limit: how many values pass.
        is_open: per network whether all gates on the way are open.
    """

    source: str
    limit: int
    is_open: Bool[Tensor, " networks"]


@dataclass(frozen=True, eq=False)
class NodePlan:
    """What stays of one node.

    Attributes:
        feeds: what comes in, main way first.
        carries: per feed which of its values it still has to bring; the others are constant or closed.
        keep: neurons that stay.
        columns: input positions that stay.
        bias: of the linear layer with all constants folded in.
        zeros: weights of the linear layer that stay and are zero.
    """

    feeds: tuple[Feed, ...]
    carries: tuple[Bool[Tensor, "networks limit"], ...]
    keep: Bool[Tensor, "networks rows"]
    columns: Bool[Tensor, "networks columns"]
    bias: Float[Tensor, "networks rows"]
    zeros: Int[Tensor, " networks"]

    @property
    def weights(self) -> Int[Tensor, " networks"]:
        """Weights of the linear layer that stay (a layer that reads nothing keeps one zero a neuron)."""
        return self.keep.sum(1) * self.columns.sum(1).clamp_min(1)

    @property
    def active(self) -> Int[Tensor, " networks"]:
        """Weights of the linear layer that stay and are not zero."""
        return self.keep.sum(1) * self.columns.sum(1) - self.zeros

    @property
    def neurons(self) -> Int[Tensor, " networks"]:
        """Neurons of the linear layer that stay."""
        return self.keep.sum(1)


Plan = dict[str, NodePlan]
"""Of each dense node, by name."""


@torch.no_grad()
def make_plan(generated: Generated, indices: list[int]) -> Plan:
    """The plan for some networks, all of the same architecture.

    Raises:
        WeightloomError: the architecture has operations that cannot be compacted.
    """
    architecture = generated.blueprints[indices[0]].architecture
    for node in architecture.nodes[1:]:
        if architecture.space == "module" or node.operation not in ("dense", IDENTITY):
            raise WeightloomError(
                f"compaction: node {node.name!r}: expected operation 'dense' or 'identity', got "
                f"{describe(node)!r}; only networks of such nodes can be made smaller"
            )
    return _Planner(generated, indices, architecture).plan()


class _Planner:
    def __init__(self, generated: Generated, indices: list[int], architecture: Architecture) -> None:
        self.architecture = architecture
        self.count = len(indices)
        states = [generated.state_dict(i) for i in indices]
        self.state = {name: torch.stack([s[name] for s in states]).detach().cpu().float() for name in states[0]}
        masks = [generated.neurons(i) for i in indices]
        self.masks = {name: torch.stack([mask[name] for mask in masks]) for name in masks[0]}
        wires = [generated.wires(i) for i in indices]
        self.gates = {edge: torch.tensor([wire[edge] for wire in wires]) for edge in wires[0]}
        self.feeds = {node.name: self._feeds(node.name) for node in architecture.nodes[1:]}

    def _feeds(self, name: str) -> tuple[Feed, ...]:
        """The node's incoming edges, with identities between replaced by what feeds them."""
        operations = {node.name: node.operation for node in self.architecture.nodes}
        edges = self.architecture.edges_into(name)
        width = width_of(self.architecture, edges[0].source)
        everywhere = torch.ones(self.count, dtype=torch.bool)
        feeds: list[Feed] = []
        for edge in edges:
            is_open = self.gates.get((edge.source, edge.target), everywhere)
            limit = min(width, width_of(self.architecture, edge.source))
            if operations[edge.source] == IDENTITY:
                feeds += [Feed(f.source, min(limit, f.limit), is_open & f.is_open) for f in self._feeds(edge.source)]
            else:
                feeds.append(Feed(edge.source, limit, is_open))
        return tuple(feeds)

    def _columns(self, name: str) -> int:
        return width_of(self.architecture, self.architecture.edges_into(name)[0].source)

    def _incoming(self, name: str, values: dict[str, Tensor]) -> Tensor:
        """The sum over feeds of what they carry, at the positions where they add it."""
        columns = self._columns(name)
        total = torch.zeros(self.count, columns)
        for feed in self.feeds[name]:
            part = values[feed.source][:, : feed.limit].to(total.dtype) * feed.is_open[:, None]
            total = total + functional.pad(part, (0, columns - feed.limit))
        return total

    def plan(self) -> Plan:
        first, last = self.architecture.nodes[0], self.architecture.nodes[-1]
        width = width_of(self.architecture, first.name)
        constant = {first.name: torch.zeros(self.count, width, dtype=torch.bool)}
        value = {first.name: torch.zeros(self.count, width)}
        bias: dict[str, Tensor] = {}
        varying: dict[str, Tensor] = {}
        dense = [node for node in self.architecture.nodes[1:] if node.operation == "dense"]
        for node in dense:
            weight = self.state[f"{node.name}.linear.weight"]
            moving = {name: ~flags for name, flags in constant.items()}
            varying[node.name] = self._incoming(node.name, moving) > 0
            known = self._incoming(node.name, value)
            bias[node.name] = self.state[f"{node.name}.linear.bias"] + (weight @ known[..., None])[..., 0]
            still = ~((weight != 0) & varying[node.name][:, None]).any(-1)
            constant[node.name], value[node.name] = self._settled(node.name, still, bias[node.name])
        return self._backwards(last.name, [n.name for n in dense], constant, varying, bias)

    def _settled(self, name: str, still: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Which neurons of a node put out a constant, and which; 0 for those that do not."""
        node = next(n for n in self.architecture.nodes if n.name == name)
        is_open = self.masks.get(name, torch.ones_like(still))
        before = bias
        if node["norm"] == "layer":
            scale, shift = self.state[f"{name}.norm.weight"], self.state[f"{name}.norm.bias"]
            # a norm mixes its neurons: they stand still all together, or where nothing of it comes through
            count = is_open.sum(1, keepdim=True).clamp_min(1)
            together = (still | ~is_open).all(1, keepdim=True) | (count == 1)  # one alone is its own mean
            centred = bias - (bias * is_open).sum(1, keepdim=True) / count
            variance = (centred.square() * is_open).sum(1, keepdim=True) / count
            normal = torch.where(together, centred * torch.rsqrt(variance + NORM_EPS), 0.0)
            still, before = together | (scale == 0), normal * scale + shift
        after = ACTIVATION_FUNCTIONS[str(node["activation"])](before)
        still = still | ~is_open
        return still, torch.where(still & is_open, after, 0.0)

    def _backwards(
        self,
        last: str,
        dense: list[str],
        constant: dict[str, Tensor],
        varying: dict[str, Tensor],
        bias: dict[str, Tensor],
    ) -> Plan:
        read = {name: torch.zeros_like(flags) for name, flags in constant.items()}
        plans: Plan = {}
        moving = {name: ~flags for name, flags in constant.items()}
        for name in reversed(dense):
            if name == last:
                keep = torch.ones_like(constant[name])
            elif f"{name}.norm.weight" in self.state:
                is_open = self.masks.get(name, torch.ones_like(read[name]))
                keep = is_open & read[name].any(1, keepdim=True)
            else:
                keep = read[name]
            weight = self.state[f"{name}.linear.weight"]
            columns = ((weight != 0) & keep[..., None]).any(1) & varying[name]
            carries = []
            for feed in self.feeds[name]:
                passing = moving[feed.source][:, : feed.limit] & feed.is_open[:, None]
                carries.append(passing & columns[:, : feed.limit])
                read[feed.source][:, : feed.limit] |= carries[-1]
            zeros = ((weight == 0) & keep[..., None] & columns[:, None]).sum((1, 2))
            plans[name] = NodePlan(self.feeds[name], tuple(carries), keep, columns, bias[name], zeros)
        return plans
