"""Many dense networks of differing depth and width as one padded, masked, exact batch.

Every dense node of a network gets a slot; networks with fewer nodes leave slots empty. All weights of one
slot lie in one buffer, so that a slot runs as one batched matrix product. Padding is exact: unused rows and
columns are zero, norms count existing neurons only, and an empty slot feeds nobody.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES, BatchLayout
from search_spaces import Architecture, Blueprint, Node
from workbench.execution.cutting import Block, Cut, Pack, Sides, joined, read_block
from workbench.execution.programs import MAIN, NO_WIRE, table
from workbench.execution.slot import FORWARD, Fresh, Group, SlotPass, Space, Workspace

# dimension names: networks, tokens, entries, edges as in generators; batch = examples; rows = buffer rows;
# slots = positions of dense nodes, sources = slots + 1 (the first is the data)


def stackable(blueprints: Sequence[Blueprint]) -> bool:
    """Whether all nodes are dense, of norms and activations known here, and only the first reads the data."""
    return all(_stacks(blueprint.architecture) for blueprint in blueprints)


@lru_cache(maxsize=65536)
def _stacks(graph: Architecture) -> bool:
    return (
        graph.space != "module"
        and all(_is_known(node) for node in graph.nodes[1:])
        and [e.target for e in graph.edges if e.source == graph.nodes[0].name] == [graph.nodes[1].name]
    )


def _is_known(node: Node) -> bool:
    return node.operation == "dense" and node["norm"] in ("none", "layer") and node["activation"] in FORWARD


@dataclass(frozen=True, eq=False)
class Wire:
    """What a slot reads from one source, in the slot's order of networks.

    Attributes:
        source: the value read; 0 = the data, j + 1 = that of slot j.
        move: the way from its order to the slot's and back; None where they are the same.
        reach: 1 where both the source and the slot's input have a value and the network has the wire
            ``[networks, inputs]``; None for the main wire of all networks, which needs no cutting.
        gate: per network the optional edge that this is, −1 for none; None if it is optional in no network.
    """

    source: int
    move: tuple[Tensor, Tensor] | None
    reach: Float[Tensor, "networks inputs"] | None
    gate: Int[Tensor, " networks"] | None


@dataclass(frozen=True, eq=False)
class Slot:
    """One position: the shape of its rows in the buffer and what its networks do there.

    Networks lie in an order of the slot's own, sorted by what they do, so that each activation runs on one
    stretch of memory.

    Attributes:
        width, inputs, chunks: most neurons, incoming weights and tokens per neuron of any network.
        order: the networks in the slot's order.
        normed: how many networks have a norm here; they come last.
        groups: activations along that order.
        wires: what is added up as input.
    """

    width: int
    inputs: int
    chunks: int
    order: Int[Tensor, " networks"]
    normed: int
    groups: tuple[Group, ...]
    wires: tuple[Wire, ...]


Blocks = Sequence[Block]
"""One per slot."""


class _Reorder(torch.autograd.Function):
    """Rows in another order; backwards by the inverse order, which is far cheaper than adding rows up."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, order: Tensor, back: Tensor, space: Space) -> Tensor:
        ctx.back, ctx.space = back, space
        return _selected(value, order, "moved", space)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return _selected(gradients[0], ctx.back, "moved back", ctx.space), None, None, None


class _WeightedSum(torch.autograd.Function):
    """Values ``[networks, batch, inputs]``, each times its share ``[networks, inputs]`` (or 1), added up."""

    @staticmethod
    def forward(ctx: Any, space: Space, count: int, *rest: Tensor | None) -> Tensor:
        values, shares = rest[:count], rest[count:]
        first, factor = values[0], shares[0]
        assert first is not None
        total = space[0].lend(("sum", space[1]), first.shape, first)
        if factor is None:
            total.copy_(first)
        else:
            torch.mul(first, factor[:, None], out=total)
        for value, share in zip(values[1:], shares[1:], strict=True):
            assert value is not None
            if share is None:
                total.add_(value)
            else:
                total.addcmul_(value, share[:, None])
        ctx.space = space
        ctx.save_for_backward(*values, *shares)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        own, count = gradients[0], len(ctx.saved_tensors) // 2
        values, shares = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        memory, name = ctx.space
        by_value: list[Tensor | None] = []
        by_share: list[Tensor | None] = []
        for i, (value, share) in enumerate(zip(values, shares, strict=True)):
            if share is None:
                by_value.append(own)
                by_share.append(None)
                continue
            part = memory.lend(("share", name, i), own.shape, own)
            by_value.append(torch.mul(own, share[:, None], out=part))
            wanted = ctx.needs_input_grad[2 + count + i]
            by_share.append((own * value).sum(1) if wanted else None)
        return None, None, *by_value, *by_share


def _selected(value: Tensor, index: Tensor, name: str, space: Space) -> Tensor:
    memory, slot = space
    out = memory.lend((name, slot), value.shape, value)
    return torch.index_select(value, 0, index, out=out)


class Stack:
    """A compiled batch: maps tokens to buffer rows and runs all networks in one call.

    Args:
        layout: of networks for which ``stackable`` holds.
    """

    @classmethod
    def of(cls, layout: BatchLayout) -> Stack:
        """The stack of a layout, compiled once."""
        kept = layout.__dict__
        if "stack" not in kept:
            kept["stack"] = cls(layout)
        found: Stack = kept["stack"]
        return found

    def __init__(self, layout: BatchLayout) -> None:
        self.real, self.entries = layout.real, layout.used.shape[-1]  # not the layout, which keeps the stack
        self.device = layout.node.device
        tables = [table(blueprint.architecture) for blueprint in layout.blueprints]
        lengths = np.array([len(own.steps) for own in tables])
        self.count, self.depth = len(tables), int(lengths.max())

        def slots_of(nodes: np.ndarray, whose: np.ndarray) -> np.ndarray:
            """The last node of every network comes in the last slot; -1 is the data."""
            return np.where(nodes == lengths[whose], self.depth, nodes) - 1

        whose = np.repeat(np.arange(self.count), lengths)
        node = np.concatenate([np.arange(1, length + 1) for length in lengths])
        slot = slots_of(node, whose)
        slot_of = np.full((self.count, self.depth + 1), -1)
        slot_of[whose, node] = slot
        steps = np.zeros((self.count, self.depth, 3), dtype=np.int64)
        steps[whose, slot] = np.concatenate([own.steps for own in tables])
        widths = np.concatenate([np.array([[own.data] for own in tables]), steps[..., 0]], axis=1)
        acts = np.full((self.count, self.depth), "none", dtype=object)
        acts[whose, slot] = list(itertools.chain.from_iterable(own.activations for own in tables))
        # per target slot, source and network: the number of its optional edge, or one of the words below 0
        wired = np.full((self.depth, self.depth + 1, self.count), NO_WIRE)
        wires = np.concatenate([own.wires for own in tables])
        whose = np.repeat(np.arange(self.count), [len(own.wires) for own in tables])
        wired[slots_of(wires[:, 0], whose), slots_of(wires[:, 1], whose) + 1, whose] = wires[:, 2]
        inputs, norms = torch.from_numpy(steps[..., 1]), torch.from_numpy(steps[..., 2] > 0)
        self._build_slots(
            layout,
            torch.from_numpy(slot_of),
            torch.from_numpy(widths),
            inputs,
            acts.T.tolist(),
            norms,
            torch.from_numpy(wired),
        )

    def _build_slots(
        self,
        layout: BatchLayout,
        slot_of: Tensor,
        widths: Tensor,
        inputs: Tensor,
        acts: list[list[str]],
        norms: Tensor,
        wired: Tensor,
    ) -> None:
        width_per_token = self.entries - LANES
        slots: list[Slot] = []
        places = [torch.arange(self.count)]
        for j in range(self.depth):
            kinds = list(zip(norms[:, j].tolist(), acts[j], strict=True))
            order = torch.tensor(sorted(range(self.count), key=lambda n, kinds=kinds: kinds[n]))  # type: ignore[misc]
            places.append(torch.argsort(order))
            most = int(inputs[:, j].max())
            wires: list[Wire] = []
            for source in torch.nonzero((wired[j] != NO_WIRE).any(1)).flatten().tolist():
                kind = wired[j, source][order]
                common = torch.minimum(widths[order, source], inputs[order, j])
                reach = (torch.arange(most) < common[:, None]) & (kind != NO_WIRE)[:, None]
                gate = torch.where(kind >= 0, kind, -1)
                wires.append(
                    Wire(
                        source=source,
                        move=self._move(places[source][order]),
                        reach=None if bool((kind == MAIN).all()) else reach.float().to(self.device),
                        gate=gate.to(self.device) if bool((kind >= 0).any()) else None,
                    )
                )
            slots.append(
                Slot(
                    width=int(widths[:, j + 1].max()),
                    inputs=most,
                    chunks=-(-most // width_per_token),
                    order=order.to(self.device),
                    normed=int(norms[:, j].sum()),
                    groups=tuple((act, kinds.count((normed, act))) for normed, act in sorted(set(kinds))),
                    wires=tuple(wires),
                )
            )
        self.back = self._move(places[-1])
        self.slots = tuple(slots)
        self.sides = tuple(Sides(slot.width, slot.inputs, slot.chunks) for slot in slots)
        self.sizes = [self.count * slot.width * slot.chunks for slot in slots] + [1]
        self.rows_total = sum(self.sizes) - 1
        starts = torch.cumsum(torch.tensor([0, *self.sizes[:-2]]), 0)
        all_widths = torch.tensor([slot.width for slot in slots])
        all_chunks = torch.tensor([slot.chunks for slot in slots])
        layout = layout.to("cpu")
        slot = slot_of.gather(1, layout.node)
        network = torch.stack(places[1:])[slot, torch.arange(self.count)[:, None]]
        rows = starts[slot] + ((network * all_widths[slot]) + layout.neuron) * all_chunks[slot] + layout.chunk
        self.rows: Int[Tensor, " all_tokens"] = (
            torch.where(layout.real, rows, torch.full_like(rows, self.rows_total)).reshape(-1).to(self.device)
        )
        self.existing = self.pack(self.real.float())
        # where all networks are alike, tokens lie as slots read them, and nothing has to be moved
        places = torch.arange(self.rows_total).split(self.sizes[:-1])
        in_turn = torch.cat([part.view(self.count, -1) for part in places], dim=1)
        self.aligned = in_turn.shape == rows.shape and bool((rows == in_turn).all())

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
        tokens = buffer[self.rows].reshape(*self.real.shape, *buffer.shape[1:])
        return tokens * self.real.reshape(*self.real.shape, *([1] * (tokens.dim() - 2)))

    def blocks(
        self, buffer: Float[Tensor, "rows entries"]
    ) -> list[tuple[Float[Tensor, "networks width lanes"], Float[Tensor, "networks width inputs"]]]:
        """Per slot the lanes (bias, scale, shift) and the incoming weights of all networks, in its order."""
        parts = buffer[:-1].split(self.sizes[:-1])
        return [read_block(p.unflatten(0, (self.count, -1)), slot) for p, slot in zip(parts, self.sides, strict=True)]

    def cut(self, tokens: Float[Tensor, "networks tokens entries"]) -> Blocks:
        """``blocks`` of the packed tokens, with gradients."""
        if self.aligned:
            flat = Cut.apply(tokens, self.sides)
        else:
            flat = Pack.apply(tokens, self.rows, self.count, self.sides)
        return list(zip(flat[::2], flat[1::2], strict=True))

    def join(self, blocks: Blocks) -> Float[Tensor, "rows entries"]:
        """The inverse of ``blocks``; zero where no network has anything."""
        return joined(blocks, self.sides, self.entries)

    def run(
        self,
        blocks: Blocks,
        open_rows: Float[Tensor, " rows"] | None,
        gates: Float[Tensor, "networks edges"],
        x: Float[Tensor, "*networks batch inputs"],
        workspace: Workspace | None = None,
    ) -> Float[Tensor, "networks batch classes"]:
        """Logits of all networks; the gradient is 0 wherever an entry of the blocks holds no parameter.

        Args:
            blocks: of the packed tokens; 0 where they hold no parameter.
            open_rows: packed open neurons: 1 for a neuron that exists and is open, else 0; None if all are open.
            gates: of the optional edges.
            x: one batch for all networks or one for each.
            workspace: memory to use again, see there; by default new one is taken.
        """
        memory = workspace or Fresh()
        padded = torch.nn.functional.pad(gates, (0, 1), value=1.0)  # the last one is what is always open
        values: list[Tensor] = [x]
        masks = (self.existing.to(blocks[0][0].dtype) if open_rows is None else open_rows).split(self.sizes)
        for j, (slot, (lanes, weights)) in enumerate(zip(self.slots, blocks, strict=True)):
            z = self._gathered(values, padded, slot, (memory, j))
            shape = (self.count, slot.width, slot.chunks)
            is_open = masks[j].view(shape)[..., 0]
            closing = open_rows is not None
            h = SlotPass.apply(z, lanes, weights, is_open.detach(), closing, slot.normed, slot.groups, (memory, j))
            values.append(h * is_open[:, None] if closing else h)
        return values[-1] if self.back is None else _Reorder.apply(values[-1], *self.back, (memory, -1))

    def _gathered(self, values: list[Tensor], gates: Tensor, slot: Slot, space: Space) -> Tensor:
        """The resized inputs of a slot in its order, added up over its wires; the last column of ``gates`` is 1."""
        parts: list[Tensor] = []
        shares: list[Tensor | None] = []
        for wire in slot.wires:
            value = values[wire.source]
            if wire.move is not None and value.dim() == 3:
                value = _Reorder.apply(value, *wire.move, (space[0], (space[1], wire.source)))
            if value.shape[-1] > slot.inputs:
                value = value[..., : slot.inputs]
            elif value.shape[-1] < slot.inputs:
                value = torch.nn.functional.pad(value, (0, slot.inputs - value.shape[-1]))
            share = None if wire.reach is None else wire.reach.to(value.dtype)
            if share is not None and wire.gate is not None:
                share = share * gates[slot.order, wire.gate][:, None]
            parts.append(value)
            shares.append(share)
        if len(parts) == 1 and shares[0] is None:
            return parts[0]
        alike = [value.expand(self.count, *value.shape[-2:]) for value in parts]
        return _WeightedSum.apply(space, len(alike), *alike, *shares)


def run_stacked(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]`` of all networks in one call."""
    stack = Stack.of(generated.layout)
    is_open = None if generated.all_open else stack.pack(generated.open_neurons)
    return stack.run(stack.cut(generated.tokens), is_open, generated.gates, x)
