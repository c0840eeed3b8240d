"""Many dense networks of differing depth and width as one padded, masked, exact batch.

Every dense node of a network gets a slot; networks with fewer nodes leave slots empty. All weights of one
slot lie in one buffer, so that a slot runs as one batched matrix product. Padding is exact: unused rows and
columns are zero, norms count existing neurons only, and an empty slot feeds nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES, BatchLayout
from search_spaces import Blueprint
from search_spaces.network import ACTIVATION_FUNCTIONS
from search_spaces.operations import width_of
from workbench.execution.norm import MaskedNorm

# dimension names: networks, tokens, entries, edges as in generators; batch = examples; rows = buffer rows;
# slots = positions of dense nodes, sources = slots + 1 (the first is the data)


def stackable(blueprints: Sequence[Blueprint]) -> bool:
    """Whether all nodes are dense and only the first reads the data (what this module can run)."""
    return all(
        blueprint.architecture.space != "module"
        and all(node.operation == "dense" for node in blueprint.architecture.nodes[1:])
        and [e.target for e in blueprint.architecture.edges if e.source == blueprint.architecture.nodes[0].name]
        == [blueprint.architecture.nodes[1].name]
        for blueprint in blueprints
    )


def stacking_key(blueprint: Blueprint) -> tuple[int, int, int]:
    """Sort by this to get stacks with little padding: nodes, norms, greatest width."""
    nodes = blueprint.architecture.nodes
    normed = sum(dict(node.choices).get("norm", "none") != "none" for node in nodes)
    return len(nodes), normed, max((neurons for _, neurons in blueprint.maskable), default=0)


@dataclass(frozen=True, eq=False)
class Slot:
    """One position: the shape of its rows in the buffer and what its networks do there.

    Networks lie in an order of the slot's own, sorted by what they do, so that each activation runs on one
    stretch of memory.

    Attributes:
        width, inputs, chunks: most neurons, incoming weights and tokens per neuron of any network.
        order: the networks in the slot's order.
        normed: how many networks have a norm here; they come last.
        groups: (activation, number of networks) along that order.
        sources: values that any network reads here; 0 = the data.
        steady: those of them that every network reads, through a wire that is not optional.
        moves: per source the way from its order to this one and back; None where they are the same.
    """

    width: int
    inputs: int
    chunks: int
    order: Tensor
    normed: int
    groups: tuple[tuple[str, int], ...]
    sources: tuple[int, ...]
    steady: frozenset[int]
    moves: tuple[tuple[Tensor, Tensor] | None, ...]


Blocks = Sequence[tuple[Tensor, Tensor]]
"""Per slot lanes ``[networks, width, 3]`` and weights ``[networks, width, inputs]``."""


class _Reorder(torch.autograd.Function):
    """Rows in another order; backwards by the inverse order, which is far cheaper than adding rows up."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.back = back
        return value.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.back), None, None


class Stack:
    """A compiled batch: maps tokens to buffer rows and runs all networks in one call.

    Args:
        layout: of networks for which ``stackable`` holds.
    """

    def __init__(self, layout: BatchLayout) -> None:
        self.layout = layout
        self.device = layout.node.device
        graphs = [blueprint.architecture for blueprint in layout.blueprints]
        self.count = len(graphs)
        depth = max(len(graph.nodes) for graph in graphs) - 1
        self.depth = depth
        slot_of = torch.full((self.count, depth + 1), -1, dtype=torch.long)
        widths = torch.zeros(self.count, depth, dtype=torch.long)
        inputs = torch.zeros(self.count, depth, dtype=torch.long)
        adjacency = torch.zeros(self.count, depth, depth + 1)
        edges: list[tuple[int, int, int, int]] = []
        acts: list[list[str]] = [["none"] * self.count for _ in range(depth)]
        norms = torch.zeros(self.count, depth, dtype=torch.bool)
        for n, graph in enumerate(graphs):
            last = len(graph.nodes) - 1
            index = {node.name: depth if i == last else i for i, node in enumerate(graph.nodes)}
            for i, node in enumerate(graph.nodes[1:], start=1):
                slot = index[node.name] - 1
                slot_of[n, i] = slot
                widths[n, slot] = int(node["width"])
                inputs[n, slot] = width_of(graph, graph.edges_into(node.name)[0].source)
                acts[slot][n] = str(node["activation"])
                norms[n, slot] = node["norm"] == "layer"
            optional = {edge: k for k, edge in enumerate(graph.optional_edges)}
            for edge in graph.edges:
                target, source = index[edge.target] - 1, index[edge.source]
                if edge in optional:
                    edges.append((n, target, source, optional[edge]))
                else:
                    adjacency[n, target, source] = 1.0
        self.adjacency = adjacency.to(self.device)
        self.edges = torch.tensor(edges, dtype=torch.long, device=self.device).reshape(-1, 4)
        wired = adjacency.any(0)
        for _, target, source, _ in edges:
            wired[target, source] = True
        self._build_slots(slot_of, widths, inputs, acts, norms, wired)

    def _build_slots(
        self,
        slot_of: Tensor,
        widths: Tensor,
        inputs: Tensor,
        acts: list[list[str]],
        norms: Tensor,
        wired: Tensor,
    ) -> None:
        width_per_token = self.layout.used.shape[-1] - LANES
        slots: list[Slot] = []
        places = [torch.arange(self.count)]
        for j in range(self.depth):
            kinds = list(zip(norms[:, j].tolist(), acts[j], strict=True))
            order = torch.tensor(sorted(range(self.count), key=lambda n, kinds=kinds: kinds[n]))  # type: ignore[misc]
            places.append(torch.argsort(order))
            sources = tuple(torch.nonzero(wired[j]).flatten().tolist())
            slots.append(
                Slot(
                    width=int(widths[:, j].max()),
                    inputs=int(inputs[:, j].max()),
                    chunks=-(-int(inputs[:, j].max()) // width_per_token),
                    order=order.to(self.device),
                    normed=int(norms[:, j].sum()),
                    groups=tuple((act, kinds.count((normed, act))) for normed, act in sorted(set(kinds))),
                    sources=sources,
                    steady=frozenset(s for s in sources if bool((self.adjacency[:, j, s] == 1).all())),
                    moves=tuple(self._move(places[source][order]) for source in sources),
                )
            )
        self.back = self._move(places[-1])
        self.slots = tuple(slots)
        self.sizes = [self.count * slot.width * slot.chunks for slot in slots] + [1]
        self.rows_total = sum(self.sizes) - 1
        starts = torch.cumsum(torch.tensor([0, *self.sizes[:-2]]), 0)
        all_widths = torch.tensor([slot.width for slot in slots])
        all_chunks = torch.tensor([slot.chunks for slot in slots])
        layout = self.layout.to("cpu")
        slot = slot_of.gather(1, layout.node)
        network = torch.stack(places[1:])[slot, torch.arange(self.count)[:, None]]
        rows = starts[slot] + ((network * all_widths[slot]) + layout.neuron) * all_chunks[slot] + layout.chunk
        self.rows: Int[Tensor, " all_tokens"] = (
            torch.where(layout.real, rows, torch.full_like(rows, self.rows_total)).reshape(-1).to(self.device)
        )
        self.existing = self.pack(self.layout.real.float())

    def _move(self, index: Tensor) -> tuple[Tensor, Tensor] | None:
        if bool((index == torch.arange(len(index))).all()):
            return None
        return index.to(self.device), torch.argsort(index).to(self.device)

    def pack(self, tokens: Float[Tensor, "networks tokens *entries"]) -> Float[Tensor, " rows *entries"]:
        """Tokens (or one number per token) written to their buffer rows; the rest is zero."""
        flat = tokens.reshape(self.rows.shape[0], *tokens.shape[2:])
        buffer = flat.new_zeros(self.rows_total + 1, *tokens.shape[2:])
        return buffer.index_copy(0, self.rows, flat)

    def unpack(self, buffer: Float[Tensor, " rows *entries"]) -> Float[Tensor, "networks tokens *entries"]:
        """The inverse of ``pack``; zero for padding."""
        tokens = buffer[self.rows].reshape(*self.layout.node.shape, *buffer.shape[1:])
        return tokens * self.layout.real.reshape(*self.layout.real.shape, *([1] * (tokens.dim() - 2)))

    def blocks(
        self, buffer: Float[Tensor, "rows entries"]
    ) -> list[tuple[Float[Tensor, "networks width lanes"], Float[Tensor, "networks width inputs"]]]:
        """Per slot the lanes (bias, scale, shift) and the incoming weights of all networks, in its order."""
        found = []
        for slot, block in zip(self.slots, buffer.split(self.sizes), strict=False):
            lanes, weights = block.view(self.count, slot.width, slot.chunks, -1).split(
                [LANES, block.shape[-1] - LANES], dim=-1
            )
            found.append((lanes[:, :, 0], weights.reshape(self.count, slot.width, -1)[..., : slot.inputs]))
        return found

    def join(self, blocks: Blocks) -> Float[Tensor, "rows entries"]:
        """The inverse of ``blocks``; zero where no network has anything."""
        entries = self.layout.used.shape[-1]
        buffer = blocks[0][0].new_zeros(self.rows_total + 1, entries)
        for slot, part, (lanes, weights) in zip(self.slots, buffer.split(self.sizes), blocks, strict=False):
            view = part.view(self.count, slot.width, slot.chunks, entries)
            view[:, :, 0, :LANES] = lanes
            padded = torch.nn.functional.pad(weights, (0, slot.chunks * (entries - LANES) - slot.inputs))
            view[..., LANES:] = padded.view(self.count, slot.width, slot.chunks, -1)
        return buffer

    def run(
        self,
        blocks: Blocks,
        open_rows: Float[Tensor, " rows"] | None,
        gates: Float[Tensor, "networks edges"],
        x: Float[Tensor, "*networks batch inputs"],
    ) -> Float[Tensor, "networks batch classes"]:
        """Logits of all networks.

        Where an entry of the blocks holds no parameter its gradient means nothing and is not always 0 (a skip
        may be wider than the layer that it enters).

        Args:
            blocks: of the packed tokens.
            open_rows: packed open neurons: 1 for a neuron that exists and is open, else 0; None if all are open.
            gates: of the optional edges.
            x: one batch for all networks or one for each.
        """
        adjacency = self.adjacency.to(gates.dtype)
        if len(self.edges):
            n, target, source, edge = self.edges.unbind(1)
            adjacency = adjacency.index_put((n, target, source), gates[n, edge])
        values: list[Tensor] = [x]
        masks = (self.existing if open_rows is None else open_rows).split(self.sizes)
        for j, (slot, (lanes, weights)) in enumerate(zip(self.slots, blocks, strict=True)):
            z = self._gathered(values, adjacency[:, j], slot)
            mask = masks[j].view(self.count, slot.width, slot.chunks)[..., 0]
            if z.dim() == 2:
                h = (z @ weights.reshape(-1, slot.inputs).T).view(len(z), self.count, slot.width).transpose(0, 1)
                h = h + lanes[:, None, :, 0]
            else:
                h = torch.baddbmm(lanes[:, None, :, 0], z, weights.transpose(1, 2))
            h = self._activated(h, lanes, mask, slot)
            values.append(h if open_rows is None else h * mask[:, None])
        return values[-1] if self.back is None else _Reorder.apply(values[-1], *self.back)

    def _activated(self, h: Tensor, lanes: Tensor, mask: Tensor, slot: Slot) -> Tensor:
        """Norm for those that have one, then each activation on its own stretch of networks."""
        plain = self.count - slot.normed
        halves = [h[:plain]] if plain else []
        if slot.normed:
            norm = MaskedNorm.apply(h[plain:], mask[plain:])
            lane = lanes[plain:]
            halves.append(torch.addcmul(lane[:, None, :, 2], norm, lane[:, None, :, 1]))
        parts, sizes = [], iter(slot.groups)
        for half in halves:
            start = 0
            while start < len(half):
                activation, count = next(sizes)
                parts.append(ACTIVATION_FUNCTIONS[activation](half[start : start + count]))
                start += count
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _gathered(self, values: list[Tensor], weights: Tensor, slot: Slot) -> Tensor:
        """The resized inputs of a slot in its order, added up by the adjacency."""
        total: Tensor | None = None
        for source, move in zip(slot.sources, slot.moves, strict=True):
            value = values[source]
            if move is not None and value.dim() == 3:
                value = _Reorder.apply(value, *move)
            if value.shape[-1] > slot.inputs:
                value = value[..., : slot.inputs]
            elif value.shape[-1] < slot.inputs:
                value = torch.nn.functional.pad(value, (0, slot.inputs - value.shape[-1]))
            if source not in slot.steady:
                value = value * weights[slot.order, source, None, None]
            total = value if total is None else total + value
        assert total is not None
        return total


def run_stacked(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]`` of all networks in one call."""
    stack = Stack(generated.layout)
    return stack.run(stack.blocks(stack.pack(generated.tokens)), stack.pack(generated.open_neurons), generated.gates, x)
