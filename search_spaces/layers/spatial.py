"""Layers of sequences and images: convolution, pooling, weighing of channels."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Node
from search_spaces.layers.norms import Norm, normed
from search_spaces.layers.plain import ACTIVATION_FUNCTIONS
from search_spaces.operations import Shape
from search_spaces.operations.spatial import padding

# dimension names: positions = one axis of a sequence or two of an image, smaller = what a stride leaves of them


class Conv(nn.Module):
    """Convolution in one or two dimensions, then the norm, then the activation."""

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        kernel, stride, channels = (int(node[name]) for name in ("kernel", "stride", "channels"))
        kind = nn.Conv1d if len(shape) == 2 else nn.Conv2d
        own = _even(shape[1:], kernel, stride)  # the convolution pads by itself: one pass over memory less
        self.conv = kind(shape[0], channels, kernel, stride, own or 0, groups=int(node["groups"]))
        self.around = _around(shape[1:], kernel, stride) if own is None else ()
        self.norm = None if node["norm"] == "none" else Norm(str(node["norm"]), (channels, *shape[1:]))
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs *positions"],
        open_channels: Bool[Tensor, " channels"] | Float[Tensor, " channels"] | None = None,
    ) -> Float[Tensor, "batch channels *smaller"]:
        """The convolution; a closed channel puts out zero and no norm counts it."""
        h = self.conv(functional.pad(z, self.around) if any(self.around) else z)
        h = ACTIVATION_FUNCTIONS[self.activation](normed(self.norm, h, open_channels))
        return h if open_channels is None else h * open_channels.view(-1, *[1] * (h.dim() - 2))


class Pool(nn.Module):
    """The greatest or mean value of each window, padding not counted."""

    share: Tensor

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        self.kernel, self.stride = int(node["kernel"]), int(node["stride"])
        self.greatest = node["kind"] == "max"
        self.around = _around(shape[1:], self.kernel, self.stride)
        if not self.greatest and any(self.around):
            inside = functional.pad(torch.ones(1, 1, *shape[1:]), self.around)
            self.register_buffer("share", 1.0 / self._mean(inside)[0, 0], persistent=False)

    def forward(self, z: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *smaller"]:
        """The pooled values."""
        if self.greatest:
            z = functional.pad(z, self.around, value=-math.inf) if any(self.around) else z
            pool = functional.max_pool1d if z.dim() == 3 else functional.max_pool2d
            return pool(z, self.kernel, self.stride)
        if not any(self.around):
            return self._mean(z)
        return self._mean(functional.pad(z, self.around)) * self.share

    def _mean(self, z: Tensor) -> Tensor:
        pool = functional.avg_pool1d if z.dim() == 3 else functional.avg_pool2d
        return pool(z, self.kernel, self.stride)


class GlobalPool(nn.Module):
    """One number a channel."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, z: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels"]:
        """The mean or the greatest over all positions."""
        return z.flatten(2).amax(2) if self.kind == "max" else z.flatten(2).mean(2)


class SqueezeExcite(nn.Module):
    """Channels weighed by what their means say."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, inner)
        self.expand = nn.Linear(inner, channels)

    def forward(self, z: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """The weighed channels."""
        weight = torch.sigmoid(self.expand(torch.relu(self.reduce(z.flatten(2).mean(2)))))
        return z * weight.view(*weight.shape, *([1] * (z.dim() - 2)))


def _even(positions: Shape, kernel: int, stride: int) -> int | None:
    """Zeros on all sides that give the same windows; None if there is no such number."""
    own = padding(positions[0], kernel, stride)[0]
    same = all(
        padding(length, kernel, stride)[0] == own and (length + 2 * own - kernel) // stride + 1 == -(-length // stride)
        for length in positions
    )
    return own if same else None


def _around(positions: Shape, kernel: int, stride: int) -> tuple[int, ...]:
    """Padding of all axes as ``torch.nn.functional.pad`` wants it: the last axis first."""
    return tuple(side for length in reversed(positions) for side in padding(length, kernel, stride))
