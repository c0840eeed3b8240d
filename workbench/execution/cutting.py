"""From tokens to the lanes and weights that a slot reads, and their gradients back, each in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from generators.tokens import LANES

# dimension names: networks, tokens, entries as in generators; width = neurons of a slot, chunks = tokens of a neuron,
# inputs = incoming weights

Block = tuple[Tensor, Tensor]
"""Lanes ``[networks, width, 3]`` and weights ``[networks, width, inputs]`` of one slot."""


class Sides(NamedTuple):
    """Of one slot: neurons, incoming weights of each, and tokens that hold these."""

    width: int
    inputs: int
    chunks: int


def read_block(rows: Float[Tensor, "networks all_rows entries"], slot: Sides) -> Block:
    """Lanes and weights of a slot's rows, views where a neuron is one token."""
    own = rows.unflatten(1, (slot.width, slot.chunks))
    weights = own[..., LANES:].flatten(2) if slot.chunks > 1 else own[:, :, 0, LANES:]
    return own[:, :, 0, :LANES], weights[..., : slot.inputs]


def write_block(
    lanes: Float[Tensor, "networks width lanes"],
    weights: Float[Tensor, "networks width inputs"],
    slot: Sides,
    rows: Float[Tensor, "networks all_rows entries"],
) -> None:
    """The inverse of ``read_block``: fills all of ``rows``, with 0 where a slot has nothing."""
    own = rows.unflatten(1, (slot.width, slot.chunks))
    own[:, :, 0, :LANES] = lanes
    own[:, :, 1:, :LANES] = 0.0
    whole, rest = divmod(slot.inputs, rows.shape[-1] - LANES)
    if whole:
        full = weights[..., : slot.inputs - rest]
        own[:, :, :whole, LANES:] = full.unflatten(-1, (whole, rows.shape[-1] - LANES))
    if rest:
        own[:, :, whole, LANES : LANES + rest] = weights[..., slot.inputs - rest :]
        own[:, :, whole, LANES + rest :] = 0.0


class Cut(torch.autograd.Function):
    """All slots' lanes and weights from tokens of networks of one layout, in the order of whose tokens slots lie.

    Autograd's own way would make an array of all tokens for each slot's gradient and add these up.
    """

    @staticmethod
    def forward(
        ctx: Any, tokens: Float[Tensor, "networks tokens entries"], slots: Sequence[Sides]
    ) -> tuple[Tensor, ...]:
        """Lanes and weights in turn."""
        ctx.slots, ctx.shape = slots, tokens.shape
        parts = tokens.split([slot.width * slot.chunks for slot in slots], dim=1)
        return tuple(part for rows, slot in zip(parts, slots, strict=True) for part in read_block(rows, slot))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Of all tokens."""
        found = gradients[0].new_empty(ctx.shape)
        parts = found.split([slot.width * slot.chunks for slot in ctx.slots], dim=1)
        for rows, slot, lanes, weights in zip(parts, ctx.slots, gradients[::2], gradients[1::2], strict=True):
            write_block(lanes, weights, slot, rows)
        return found, None


class Pack(torch.autograd.Function):
    """The same for networks of any layouts: tokens are put in the order of buffer rows first.

    Arguments:
        tokens: ``[networks, tokens, entries]``.
        rows: the buffer row of each token; the last row is for those that are padding.
        networks: how many.
        slots: their sides.
    """

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, rows: Tensor, networks: int, slots: Sequence[Sides]) -> tuple[Tensor, ...]:
        """Lanes and weights in turn, those of no network 0."""
        ctx.rows, ctx.networks, ctx.slots, ctx.shape = rows, networks, slots, tokens.shape
        sizes = [networks * slot.width * slot.chunks for slot in slots]
        buffer = tokens.new_zeros(sum(sizes) + 1, tokens.shape[-1])
        buffer.index_copy_(0, rows, tokens.reshape(len(rows), -1))
        parts = buffer[:-1].split(sizes)
        return tuple(
            part
            for own, slot in zip(parts, slots, strict=True)
            for part in read_block(own.unflatten(0, (networks, -1)), slot)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Of all tokens."""
        blocks = list(zip(gradients[::2], gradients[1::2], strict=True))
        buffer = joined(blocks, ctx.slots, ctx.shape[-1])
        return buffer.index_select(0, ctx.rows).view(ctx.shape), None, None, None


def joined(blocks: Sequence[Block], slots: Sequence[Sides], entries: int) -> Float[Tensor, "rows entries"]:
    """All slots in one buffer, whose last row is 0."""
    networks = len(blocks[0][0])
    sizes = [networks * slot.width * slot.chunks for slot in slots]
    buffer = blocks[0][0].new_empty(sum(sizes) + 1, entries)
    buffer[-1] = 0.0
    for (lanes, weights), slot, part in zip(blocks, slots, buffer[:-1].split(sizes), strict=True):
        write_block(lanes, weights, slot, part.unflatten(0, (networks, -1)))
    return buffer
