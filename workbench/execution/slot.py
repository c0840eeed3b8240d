"""One slot of a stack: linear, norm and activation of many networks in one pass, with its own backward pass.

Autograd's own way would copy and pad at every slice, and pass over memory twice as often; on a CPU that is most of
the time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from search_spaces.network import NORM_EPS

# dimension names: networks, batch = examples, inputs = incoming weights, width = neurons (both padded);
# normed = networks with a norm, the last ones

Group = tuple[str, int]
"""An activation and for how many networks on end."""

aten = torch.ops.aten


class Workspace:
    """Memory that is used again at every step, so that it stays in the cache instead of being taken anew.

    For whoever takes gradients of one run before the next one begins, as training does.
    """

    def __init__(self) -> None:
        self.buffers: dict[tuple[object, ...], Tensor] = {}

    def lend(self, name: Hashable, shape: Sequence[int], like: Tensor) -> Tensor:
        """The memory called ``name``, of this shape and of the type of ``like``; what it holds is of no use."""
        key = (name, *shape)
        if key not in self.buffers:
            self.buffers[key] = like.new_empty(tuple(shape))
        return self.buffers[key].detach()


class Fresh(Workspace):
    """New memory each time."""

    def lend(self, name: Hashable, shape: Sequence[int], like: Tensor) -> Tensor:
        """New memory of this shape."""
        return like.new_empty(tuple(shape))


FORWARD: dict[str, Callable[[Tensor, Tensor], object]] = {
    "relu": lambda h, out: torch.clamp(h, min=0.0, out=out),
    "gelu": lambda h, out: aten.gelu.out(h, out=out),
    "silu": lambda h, out: aten.silu.out(h, out=out),
    "tanh": lambda h, out: torch.tanh(h, out=out),
    "none": lambda h, out: out.copy_(h),
}
"""Per activation what writes its values for ``h`` into ``out``."""

BACKWARD: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], object]] = {
    "relu": lambda g, h, out, into: aten.threshold_backward.grad_input(g, out, 0, grad_input=into),
    "gelu": lambda g, h, out, into: aten.gelu_backward.grad_input(g, h, grad_input=into),
    "silu": lambda g, h, out, into: aten.silu_backward.grad_input(g, h, grad_input=into),
    "tanh": lambda g, h, out, into: aten.tanh_backward.grad_input(g, out, grad_input=into),
    "none": lambda g, h, out, into: into.copy_(g),
}
"""Per activation what writes the gradient of ``h`` into ``into``, from that of ``out``."""


Space = tuple[Workspace, Hashable]
"""Memory to work in, and whose."""


class SlotPass(torch.autograd.Function):
    """``activation(norm(W z + b))`` of all networks.

    Padded rows and columns of the weights are 0, and so are padded neurons. Their gradients are 0 if nobody reads
    them, which the caller sees to.

    Arguments:
        z: ``[networks, batch, inputs]``, or ``[batch, inputs]`` for all networks.
        lanes: bias, scale and shift of each neuron ``[networks, width, 3]``.
        weights: ``[networks, width, inputs]``.
        is_open: 1 for neurons that exist and are open ``[networks, width]``; norms count these. No gradient.
        closing: whether any existing neuron is closed.
        normed: how many networks have a norm; they come last.
        groups: activations along the networks.
        space: memory to work in, and whose it is.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        lanes: Tensor,
        weights: Tensor,
        is_open: Tensor,
        closing: bool,
        normed: int,
        groups: Sequence[Group],
        space: Space,
    ) -> Tensor:
        """Values ``[networks, batch, width]``; those of closed neurons mean nothing."""
        networks, width, inputs = weights.shape
        memory, name = space
        if z.dim() == 2:
            h = (z @ weights.reshape(-1, inputs).T).view(len(z), networks, width).transpose(0, 1)
        else:
            h = memory.lend(("h", name), (networks, z.shape[1], width), weights)
            torch.bmm(z, weights.transpose(1, 2), out=h)
        h += lanes[:, None, :, 0]
        saved = []
        if normed:
            start = networks - normed
            values = memory.lend(("values", name), (normed, *h.shape[1:]), weights)
            scale = _normalise(h[start:], is_open[start:], closing, values)
            lane = lanes[start:]
            torch.addcmul(lane[:, None, :, 2], values, lane[:, None, :, 1], out=h[start:])
            saved = [values, scale]
        if all(kind == "none" for kind, _ in groups):
            out = h
        else:
            out = memory.lend(("out", name), h.shape, weights)
            counts = [count for _, count in groups]
            for (kind, _), before, after in zip(groups, h.split(counts), out.split(counts), strict=True):
                FORWARD[kind](before, after)
        ctx.save_for_backward(z, lanes, weights, is_open, h, out, *saved)
        ctx.normed, ctx.groups, ctx.space = normed, groups, space
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of ``z``, ``lanes`` and ``weights``."""
        z, lanes, weights, is_open, h, out, *saved = ctx.saved_tensors
        memory, name = ctx.space
        own = memory.lend("own", h.shape, weights)
        counts = [count for _, count in ctx.groups]
        parts = [tensor.split(counts) for tensor in (gradients[0], h, out, own)]
        for (kind, _), *part in zip(ctx.groups, *parts, strict=True):
            BACKWARD[kind](*part)
        by_lane = torch.zeros_like(lanes)
        if ctx.normed:
            start, (values, scale) = len(weights) - ctx.normed, saved
            product = memory.lend("product", (ctx.normed, *h.shape[1:]), weights)
            by_lane[start:, :, 1:] = _through_norm(
                own[start:], lanes[start:, :, 1], is_open[start:], values, scale, product
            )
        by_lane[..., 0] = own.sum(1)
        by_input: Tensor | None = None
        if z.dim() == 2:
            rows = own.transpose(0, 1).reshape(len(z), -1)
            by_weight = (rows.T @ z).view_as(weights)
            if ctx.needs_input_grad[0]:
                by_input = rows @ weights.reshape(-1, weights.shape[-1])
        else:
            by_weight = memory.lend(("weights", name), weights.shape, weights)
            torch.bmm(own.transpose(1, 2), z, out=by_weight)
            if ctx.needs_input_grad[0]:
                by_input = memory.lend(("input", name), z.shape, weights)
                torch.bmm(own, weights, out=by_input)
        return by_input, by_lane, by_weight, None, None, None, None, None


def _normalise(
    h: Float[Tensor, "normed batch width"],
    is_open: Float[Tensor, "normed width"],
    closing: bool,
    values: Float[Tensor, "normed batch width"],
) -> Float[Tensor, "normed batch 1"]:
    """Write ``(h − mean) / sqrt(variance + eps)`` over open neurons (0 for the others); returns that factor."""
    share = 1.0 / is_open.sum(-1).clamp_min(1.0)[:, None, None]
    if closing:
        h = h * is_open[:, None]
    torch.baddbmm(h, h.sum(-1, keepdim=True) * share, is_open[:, None], alpha=-1.0, out=values)
    scale = torch.rsqrt(torch.linalg.vector_norm(values, dim=-1, keepdim=True).square() * share + NORM_EPS)
    values.mul_(scale)
    return scale


def _through_norm(
    own: Float[Tensor, "normed batch width"],
    gain: Float[Tensor, "normed width"],
    is_open: Float[Tensor, "normed width"],
    values: Float[Tensor, "normed batch width"],
    scale: Float[Tensor, "normed batch 1"],
    product: Float[Tensor, "normed batch width"],
) -> Float[Tensor, "normed width 2"]:
    """Gradients of gain and shift; ``own``, the gradient of the norm's output, becomes that of its input.

    ``product`` is memory to work in.
    """
    share = 1.0 / is_open.sum(-1).clamp_min(1.0)[:, None, None]
    torch.mul(own, values, out=product)
    by_lane = torch.stack([product.sum(1), own.sum(1)], dim=-1)
    own.mul_(gain[:, None])
    torch.mul(own, values, out=product)
    slope = product.sum(-1, keepdim=True).mul_(share)
    own.baddbmm_(own.sum(-1, keepdim=True).mul_(share), is_open[:, None], alpha=-1.0)
    own.addcmul_(values, slope, value=-1.0).mul_(scale)
    return by_lane
