"""Many dense networks of differing depth and width as one padded, masked, exact batch.

Every dense node of a network gets a slot; networks with fewer nodes leave slots empty. All weights of one
slot lie in one buffer, so that a slot runs as one batched matrix product. Padding is exact: unused rows and
columns are zero, norms count existing neurons only, and an empty slot feeds nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES, BatchLayout
from search_spaces import Blueprint
from search_spaces.network import ACTIVATION_FUNCTIONS, masked_layer_norm
from search_spaces.operations import width_of

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


@dataclass(frozen=True, eq=False)
class Slot:
    """One position: where its rows lie in the buffer and what its networks do there."""

    start: int
    width: int
    inputs: int
    chunks: int
    activations: tuple[tuple[str, Tensor], ...]
    back: Tensor
    normed: Tensor | None
    sources: tuple[int, ...]


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
        start = 0
        for j in range(self.depth):
            groups = {
                name: torch.tensor([n for n, act in enumerate(acts[j]) if act == name])
                for name in sorted(set(acts[j]))
            }
            order = torch.cat(list(groups.values()))
            chunks = -(-int(inputs[:, j].max()) // width_per_token)
            width = int(widths[:, j].max())
            normed = norms[:, j]
            slots.append(
                Slot(
                    start=start,
                    width=width,
                    inputs=int(inputs[:, j].max()),
                    chunks=chunks,
                    activations=tuple((name, index.to(self.device)) for name, index in groups.items()),
                    back=torch.argsort(order).to(self.device),
                    normed=normed.to(self.device)[:, None, None] if bool(normed.any()) else None,
                    sources=tuple(torch.nonzero(wired[j]).flatten().tolist()),
                )
            )
            start += self.count * width * chunks
        self.slots = tuple(slots)
        self.rows_total = start
        starts = torch.tensor([slot.start for slot in slots])
        all_widths = torch.tensor([slot.width for slot in slots])
        all_chunks = torch.tensor([slot.chunks for slot in slots])
        layout = self.layout.to("cpu")
        slot = slot_of.gather(1, layout.node)
        network = torch.arange(self.count)[:, None]
        rows = (
            starts[slot] + ((network * all_widths[slot]) + layout.neuron) * all_chunks[slot] + layout.chunk
        )
        self.rows: Int[Tensor, " all_tokens"] = (
            torch.where(layout.real, rows, torch.full_like(rows, start)).reshape(-1).to(self.device)
        )

    def pack(self, tokens: Float[Tensor, "networks tokens *entries"]) -> Float[Tensor, "rows *entries"]:
        """Tokens (or one number per token) written to their buffer rows; the rest is zero."""
        flat = tokens.reshape(self.rows.shape[0], *tokens.shape[2:])
        buffer = flat.new_zeros(self.rows_total + 1, *tokens.shape[2:])
        return buffer.index_copy(0, self.rows, flat)

    def unpack(self, buffer: Float[Tensor, "rows *entries"]) -> Float[Tensor, "networks tokens *entries"]:
        """The inverse of ``pack``; zero for padding."""
        tokens = buffer[self.rows].reshape(*self.layout.node.shape, *buffer.shape[1:])
        return tokens * self.layout.real.reshape(*self.layout.real.shape, *([1] * (tokens.dim() - 2)))

    def run(
        self,
        buffer: Float[Tensor, "rows entries"],
        open_rows: Float[Tensor, " rows"],
        gates: Float[Tensor, "networks edges"],
        x: Float[Tensor, "*networks batch inputs"],
    ) -> Float[Tensor, "networks batch classes"]:
        """Logits of all networks.

        Args:
            buffer: packed tokens.
            open_rows: packed open neurons: 1 for a neuron that exists and is open, else 0.
            gates: of the optional edges.
            x: one batch for all networks or one for each.
        """
        adjacency = self.adjacency
        if len(self.edges):
            n, target, source, edge = self.edges.unbind(1)
            adjacency = adjacency.index_put((n, target, source), gates[n, edge].to(adjacency.dtype))
        values: list[Tensor] = [x]
        for j, slot in enumerate(self.slots):
            z = self._gathered(values, adjacency[:, j], slot)
            block = buffer[slot.start : slot.start + self.count * slot.width * slot.chunks]
            block = block.view(self.count, slot.width, slot.chunks, -1)
            weights = block[..., LANES:].reshape(self.count, slot.width, -1)[..., : slot.inputs]
            lanes = block[:, :, 0, :LANES]
            mask = open_rows[slot.start : slot.start + self.count * slot.width * slot.chunks]
            mask = mask.view(self.count, slot.width, slot.chunks)[:, None, :, 0]
            if z.dim() == 2:
                h = (z @ weights.reshape(-1, slot.inputs).T).view(len(z), self.count, slot.width).transpose(0, 1)
                h = h + lanes[:, None, :, 0]
            else:
                h = torch.baddbmm(lanes[:, None, :, 0], z, weights.transpose(1, 2))
            if slot.normed is not None:
                norm = masked_layer_norm(h, mask) * lanes[:, None, :, 1] + lanes[:, None, :, 2]
                h = torch.where(slot.normed, norm, h)
            if len(slot.activations) == 1:
                h = ACTIVATION_FUNCTIONS[slot.activations[0][0]](h)
            else:
                parts = [ACTIVATION_FUNCTIONS[name](h.index_select(0, index)) for name, index in slot.activations]
                h = torch.cat(parts).index_select(0, slot.back)
            values.append(h * mask)
        return values[-1]

    def _gathered(self, values: list[Tensor], weights: Tensor, slot: Slot) -> Tensor:
        """The resized inputs of a slot, added up by the adjacency."""
        if slot.sources == (0,):
            return values[0]
        total: Tensor | None = None
        for source in slot.sources:
            value = values[source][..., : slot.inputs]
            if value.shape[-1] < slot.inputs:
                value = torch.nn.functional.pad(value, (0, slot.inputs - value.shape[-1]))
            value = value * weights[:, source, None, None]
            total = value if total is None else total + value
        assert total is not None
        return total


def run_stacked(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]`` of all networks in one call."""
    stack = Stack(generated.layout)
    return stack.run(stack.pack(generated.tokens), stack.pack(generated.open_neurons), generated.gates, x)
