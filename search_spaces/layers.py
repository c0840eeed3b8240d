"""The PyTorch modules of the operations: plain, differentiable, fit for ``torch.func.vmap`` over their weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Node
from search_spaces.operations import Shape
from search_spaces.operations.mixing import REACH
from search_spaces.operations.spatial import padding

# dimension names: batch = examples, inputs = values of one example, width = neurons of a node, channels;
# positions = one axis of a sequence or two of an image

ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "none": lambda z: z,
}
NORM_EPS = 1e-5


class Dense(nn.Module):
    """Linear, then the norm over the open neurons if asked for, then the activation."""

    def __init__(self, node: Node, inputs: int) -> None:
        super().__init__()
        width = int(node["width"])
        self.linear = nn.Linear(inputs, width)
        self.norm = _flat_norm(str(node["norm"]), width)
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs"],
        open_neurons: Bool[Tensor, " width"] | Float[Tensor, " width"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """``open_neurons`` False or 0 means the neuron is gone: it puts out zero and no norm counts it."""
        h = ACTIVATION_FUNCTIONS[self.activation](_normed(self.norm, self.linear(z), open_neurons))
        return h if open_neurons is None else h * open_neurons


class GatedDense(nn.Module):
    """A linear layer times an activated one, then the norm."""

    def __init__(self, node: Node, inputs: int) -> None:
        super().__init__()
        width = int(node["width"])
        self.linear = nn.Linear(inputs, width)
        self.gate = nn.Linear(inputs, width)
        self.norm = _flat_norm(str(node["norm"]), width)
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs"],
        open_neurons: Bool[Tensor, " width"] | Float[Tensor, " width"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """The gated values; ``open_neurons`` as in `Dense`."""
        h = self.linear(z) * ACTIVATION_FUNCTIONS[self.activation](self.gate(z))
        h = _normed(self.norm, h, open_neurons)
        return h if open_neurons is None else h * open_neurons


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


class Conv(nn.Module):
    """Convolution in one or two dimensions, then the norm, then the activation."""

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        kernel, stride, channels = (int(node[name]) for name in ("kernel", "stride", "channels"))
        kind = nn.Conv1d if len(shape) == 2 else nn.Conv2d
        self.conv = kind(shape[0], channels, kernel, stride, groups=int(node["groups"]))
        self.around = _around(shape[1:], kernel, stride)
        self.norm = None if node["norm"] == "none" else Norm(str(node["norm"]), (channels, *shape[1:]))
        self.activation = str(node["activation"])

    def forward(
        self,
        z: Float[Tensor, "batch inputs *positions"],
        open_channels: Bool[Tensor, " channels"] | Float[Tensor, " channels"] | None = None,
    ) -> Float[Tensor, "batch channels *smaller"]:
        """The convolution; a closed channel puts out zero and no norm counts it."""
        h = self.conv(functional.pad(z, self.around) if any(self.around) else z)
        h = ACTIVATION_FUNCTIONS[self.activation](_normed(self.norm, h, open_channels))
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


class Attention(nn.Module):
    """Self-attention over all positions of a sequence or image; heads of ``size`` channels each."""

    def __init__(self, node: Node, shape: Shape, size: int, channels: int) -> None:
        super().__init__()
        length = math.prod(shape[1:])
        self.heads, self.kind = int(node["heads"]), str(node["kind"])
        self.query, self.key, self.value = (nn.Linear(shape[0], self.heads * size) for _ in range(3))
        self.out = nn.Linear(self.heads * size, channels)
        apart = torch.arange(length)[:, None] - torch.arange(length)
        hidden = {"causal": apart < 0, "local": apart.abs() > REACH}.get(self.kind)
        if hidden is not None:
            mask = torch.zeros(length, length).masked_fill(hidden, -math.inf)
            self.register_buffer("mask", mask, persistent=False)

    def forward(self, z: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """What each position gathers from the others."""
        tokens = z.flatten(2).transpose(1, 2)
        query, key, value = (
            part(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        if self.kind == "linear":
            query, key = functional.elu(query) + 1, functional.elu(key) + 1
            total = query @ key.sum(-2)[..., None]
            mixed = query @ (key.transpose(-2, -1) @ value) / (total + NORM_EPS)
        else:
            weight = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
            weight = weight if self.kind == "full" else weight + self.mask
            mixed = weight.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(-1, z.shape[2:])


class PositionEmbedding(nn.Module):
    """A learned vector for each position, a row each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(math.prod(shape[1:]), shape[0]) / math.sqrt(shape[0]))

    def forward(self, z: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """Positions told apart."""
        return z + self.weight.T.unflatten(-1, z.shape[2:])


class Recurrent(nn.Module):
    """Gated recurrent unit from two linear layers, a loop over positions."""

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        self.width = int(node["width"])
        self.inward = nn.Linear(shape[0], 3 * self.width)
        self.onward = nn.Linear(self.width, 3 * self.width)

    def forward(self, z: Float[Tensor, "batch channels length"]) -> Float[Tensor, "batch width length"]:
        """The state after each position."""
        steps = self.inward(z.transpose(1, 2)).unbind(1)
        state = torch.zeros_like(steps[0][..., : self.width])
        states = []
        for step in steps:
            reset, update, new = step.chunk(3, -1)
            again_reset, again_update, again_new = self.onward(state).chunk(3, -1)
            keep = torch.sigmoid(update + again_update)
            fresh = torch.tanh(new + torch.sigmoid(reset + again_reset) * again_new)
            state = (1 - keep) * fresh + keep * state
            states.append(state)
        return torch.stack(states, -1)


class Select(nn.Module):
    """The channels at the given places of the input, zeros for a place of -1."""

    index: Tensor

    def __init__(self, inputs: int, places: Sequence[int]) -> None:
        super().__init__()
        self.pads = -1 in places
        index = torch.tensor([inputs if place < 0 else place for place in places], dtype=torch.long)
        self.register_buffer("index", index, persistent=False)

    def forward(self, z: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """The chosen channels."""
        if self.pads:  # one channel of zeros behind the others
            z = functional.pad(z, (*(0, 0) * (z.dim() - 2), 0, 1))
        return z.index_select(1, self.index)


class Pointwise(nn.Module):
    """A function without parameters."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        """Apply it."""
        return self.function(z)


class Join(nn.Module):
    """Several values to one."""

    def __init__(self, operation: str) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum, product or concatenation of ``parts``."""
        if self.operation == "concat":
            return torch.cat(list(parts), 1)
        total = parts[0]
        for part in parts[1:]:
            total = total + part if self.operation == "add" else total * part
        return total


def make_layer(node: Node, shape: Shape) -> nn.Module:
    """The module of a checked node, given the shape of its (first) input."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "dense": lambda: Dense(node, shape[0]),
        "gated_dense": lambda: GatedDense(node, shape[0]),
        "conv": lambda: Conv(node, shape),
        "pool": lambda: Pool(node, shape),
        "global_pool": lambda: GlobalPool(str(node["kind"])),
        "squeeze_excite": lambda: SqueezeExcite(shape[0], max(1, shape[0] // int(node["ratio"]))),
        "narrow_squeeze_excite": lambda: SqueezeExcite(shape[0], int(node["inner"])),
        "flatten": lambda: Pointwise(_flatten),
        "norm": lambda: Norm(str(node["kind"]), shape),
        "activation": lambda: Pointwise(ACTIVATION_FUNCTIONS[str(node["kind"])]),
        "attention": lambda: Attention(node, shape, shape[0] // int(node["heads"]), shape[0]),
        "narrow_attention": lambda: Attention(node, shape, int(node["size"]), int(node["channels"])),
        "position": lambda: PositionEmbedding(shape),
        "recurrent": lambda: Recurrent(node, shape),
        "identity": nn.Identity,
        "zero": lambda: Pointwise(torch.zeros_like),
    }
    return makers[node.operation]() if node.operation in makers else Join(node.operation)


def _normed(norm: nn.LayerNorm | Norm | None, h: Tensor, open_channels: Tensor | None) -> Tensor:
    if norm is None:
        return h
    if isinstance(norm, nn.LayerNorm):
        if open_channels is None:
            return norm(h)
        return masked_layer_norm(h, open_channels.to(h.dtype)) * norm.weight + norm.bias
    return norm(h, open_channels)


def _flatten(z: Tensor) -> Tensor:
    return z.flatten(1)


def _flat_norm(kind: str, width: int) -> nn.LayerNorm | Norm | None:
    if kind == "layer":
        return nn.LayerNorm(width, eps=NORM_EPS)
    return None if kind == "none" else Norm(kind, (width,))


def _around(positions: Shape, kernel: int, stride: int) -> tuple[int, ...]:
    """Padding of all axes as ``torch.nn.functional.pad`` wants it: the last axis first."""
    return tuple(side for length in reversed(positions) for side in padding(length, kernel, stride))
