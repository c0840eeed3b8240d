"""Norms of vectors, sequences and images that leave closed channels out of account."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from search_spaces.operations import Shape

NORM_EPS = 1e-5


def masked_layer_norm(
    h: Float[Tensor, "*networks batch width"], open_neurons: Float[Tensor, "*networks width"]
) -> Float[Tensor, "*networks batch width"]:
    """Layer norm (Ba et al. 2016, eq. 4, without gain and bias) with mean and variance over open neurons."""
    mask = open_neurons[..., None, :]
    count = mask.sum(-1, keepdim=True).clamp_min(1.0)
    centred = h - (h * mask).sum(-1, keepdim=True) / count
    variance = (centred.square() * mask).sum(-1, keepdim=True) / count
    return centred * torch.rsqrt(variance + NORM_EPS)


class Norm(nn.Module):
    """Group norm with one group, or layer or root-mean-square norm over the channels of each position."""

    def __init__(self, kind: str, shape: Shape) -> None:
        super().__init__()
        self.kind = kind
        self.sides = (shape[0],) + (1,) * (len(shape) - 1)
        self.weight = nn.Parameter(torch.ones(shape[0]))
        if kind != "rms":
            self.bias = nn.Parameter(torch.zeros(shape[0]))

    def forward(
        self,
        z: Float[Tensor, "batch channels *positions"],
        open_channels: Bool[Tensor, " channels"] | Float[Tensor, " channels"] | None = None,
    ) -> Float[Tensor, "batch channels *positions"]:
        """Normalised, then scaled and shifted channel by channel; of closed channels nothing is counted."""
        weight = self.weight.view(self.sides)
        if self.kind == "group" and open_channels is None:  # one kernel; that of group norm cannot always be batched
            flat = z.flatten(1)
            values = nn.functional.layer_norm(flat, flat.shape[1:], eps=NORM_EPS)
            return torch.addcmul(self.bias.view(self.sides), values.view(z.shape), weight)
        over = tuple(range(1, len(self.sides) + 1)) if self.kind == "group" else (1,)
        mask = None if open_channels is None else open_channels.to(z.dtype).view(self.sides)

        def mean(values: Tensor) -> Tensor:
            if mask is None:
                return values.mean(over, keepdim=True)
            return (values * mask).mean(over, keepdim=True) / mask.mean(0, keepdim=True).clamp_min(1 / len(mask))

        if self.kind == "rms":
            return z * torch.rsqrt(mean(z.square()) + NORM_EPS) * weight
        centred = z - mean(z)
        return centred * torch.rsqrt(mean(centred.square()) + NORM_EPS) * weight + self.bias.view(self.sides)


def flat_norm(kind: str, width: int) -> nn.LayerNorm | Norm | None:
    """Of vectors of ``width`` numbers, or none."""
    if kind == "layer":
        return nn.LayerNorm(width, eps=NORM_EPS)
    return None if kind == "none" else Norm(kind, (width,))


def normed(norm: nn.LayerNorm | Norm | None, h: Tensor, open_channels: Tensor | None) -> Tensor:
    """``h`` by the norm if there is one, over open channels only."""
    if norm is None:
        return h
    if isinstance(norm, nn.LayerNorm):
        if open_channels is None:
            return norm(h)
        return masked_layer_norm(h, open_channels.to(h.dtype)) * norm.weight + norm.bias
    return norm(h, open_channels)
