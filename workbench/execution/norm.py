"""Layer norm over the open neurons of many networks at once, with a backward pass of its own for speed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from search_spaces.network import NORM_EPS

# dimension names: networks, batch = examples, width = neurons (padded)


class MaskedNorm(torch.autograd.Function):
    """The same as ``search_spaces.network.masked_layer_norm``, but 0 for closed neurons and several times faster.

    Sums over neurons are products with a vector of ones, which run as one matrix product over all networks.
    Arguments: ``h [networks, batch, width]`` and ``is_open [networks, width]`` (1 or 0; it gets no gradient).
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, is_open: Tensor) -> Tensor:
        """Normalise."""
        mask = is_open[:, None]
        ones = h.new_ones(h.shape[-1], 1)
        share = 1.0 / mask.sum(-1, keepdim=True).clamp_min(1.0)
        centred = (h - (h * mask) @ ones * share) * mask
        scale = torch.rsqrt(centred.square() @ ones * share + NORM_EPS)
        normed = centred * scale
        ctx.save_for_backward(normed, scale, mask, share)
        return normed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """d/dh of (h − mean) / sqrt(variance + eps)."""
        normed, scale, mask, share = ctx.saved_tensors
        own = gradients[0] * mask
        ones = own.new_ones(own.shape[-1], 1)
        slope = own - mask * (own @ ones * share)
        return torch.addcmul(slope, normed, (own * normed) @ ones * share, value=-1.0) * scale, None
