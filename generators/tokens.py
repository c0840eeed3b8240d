"""Tokens: the one, lossless way between named tensors and rows that a generator can emit.

A token is one output neuron's (or filter's) row of a node: its bias, scale and shift on three fixed lanes,
then its incoming weights, in further tokens where there are more of them than a token is wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from generators.keeping import kept
from generators.token_groups import LANE_OF_ROLE, LANES, token_groups
from search_spaces import Blueprint, WeightloomError

# dimension names: networks, tokens = tokens of one network (padded to the longest in a batch),
# entries = LANES + width numbers of one token

PADDED = ("node", "neuron", "chunk", "real", "used", "centre", "scale", "maskable")
"""Tensors of a `BatchLayout`."""
MOST_LAYOUTS, MOST_BATCHES = 2**28, 2**26
"""Bytes of layouts that are kept: of some thousand small networks, or of one as large as it may be."""
OVERHEAD = 1024
"""Bytes that a small tensor takes besides its numbers, about."""

__all__ = ["LANES", "LANE_OF_ROLE", "BatchLayout", "TokenLayout", "WeightTokenizer"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenLayout:
    """Where everything of one network lies in its tokens.

    Attributes:
        blueprint: the network's.
        node: index of the architecture's node for each token.
        neuron: row within the node.
        chunk: which part of a row that is longer than a token.
        used: entries that hold a parameter.
        centre, scale: an entry's value at which it is neutral and its natural unit: 1/sqrt(fan-in) for
            weights and biases, around 0; 0.1 around 1 for scales of norms; 0.1 around 0 for the rest.
        maskable: tokens of neurons that may be closed.
        positions: per parameter name the flat positions of its elements in ``[tokens, entries]``.
    """

    blueprint: Blueprint
    node: Int[Tensor, " tokens"]
    neuron: Int[Tensor, " tokens"]
    chunk: Int[Tensor, " tokens"]
    used: Bool[Tensor, "tokens entries"]
    centre: Float[Tensor, "tokens entries"]
    scale: Float[Tensor, "tokens entries"]
    maskable: Bool[Tensor, " tokens"]
    positions: Mapping[str, Int[Tensor, ...]]

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchLayout:
    """The layouts of several networks side by side, padded with unused tokens."""

    layouts: tuple[TokenLayout, ...]
    node: Int[Tensor, "networks tokens"]
    neuron: Int[Tensor, "networks tokens"]
    chunk: Int[Tensor, "networks tokens"]
    real: Bool[Tensor, "networks tokens"]
    used: Bool[Tensor, "networks tokens entries"]
    centre: Float[Tensor, "networks tokens entries"]
    scale: Float[Tensor, "networks tokens entries"]
    maskable: Bool[Tensor, "networks tokens"]

    @cached_property
    def blueprints(self) -> tuple[Blueprint, ...]:
        """One per network."""
        return tuple(layout.blueprint for layout in self.layouts)

    @cached_property
    def edge_real(self) -> Bool[Tensor, "networks edges"]:
        """Which optional edges exist, padded to the most that any of the networks has."""
        counts = [len(layout.blueprint.optional_edges) for layout in self.layouts]
        return torch.arange(max(counts, default=0)) < torch.tensor(counts)[:, None]

    def to(self, device: torch.device | str) -> BatchLayout:
        """The same on another device."""
        if self.node.device == torch.device(device):
            return self
        moved = {name: getattr(self, name).to(device) for name in PADDED}
        batch = BatchLayout(layouts=self.layouts, **moved)
        batch.__dict__["edge_real"] = self.edge_real.to(device)
        if not self.repeats:
            return batch
        few, places = self.distinct
        batch.__dict__["distinct"] = few.to(device), places.to(device)
        return batch

    def __getstate__(self) -> dict[str, Any]:
        made = ("blueprints", "distinct", "stack", "groups", "unit")  # quickly made again
        return {name: value for name, value in self.__dict__.items() if name not in made}

    @cached_property
    def unit(self) -> Float[Tensor, "networks tokens entries"]:
        """``scale``, but 0 where no parameter is, as ``centre`` is there."""
        few = self.distinct[0]
        return self.spread(few.scale * few.used)

    @property
    def repeats(self) -> bool:
        """Whether any two networks have one layout."""
        return len(set(self.layouts)) < len(self.layouts)

    @cached_property
    def distinct(self) -> tuple[BatchLayout, Int[Tensor, " networks"]]:
        """Each layout once, in order of appearance, and which of these every network has."""
        if not self.repeats:
            return self, torch.arange(len(self.layouts), device=self.node.device)
        few, places = _distinct(self.layouts)
        return _padded(few).to(self.node.device), places.to(self.node.device)

    def spread(self, values: Tensor) -> Tensor:
        """What was made of ``distinct`` layouts ``[distinct, ...]``, for every network; no copy where all are alike."""
        if len(values) == len(self.layouts):
            return values
        if len(values) == 1:
            return values.expand(len(self.layouts), *values.shape[1:])
        return values.index_select(0, self.distinct[1])


@dataclass(frozen=True)
class WeightTokenizer:
    """Cuts networks into tokens and puts them together again, bit for bit.

    Attributes:
        width: number of weights in one token; a token has ``LANES + width`` entries.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 1:
            raise WeightloomError(f"tokenizer: width must be at least 1, got {self.width}")

    @property
    def entries(self) -> int:
        """Numbers in one token."""
        return LANES + self.width

    def layout(self, blueprint: Blueprint) -> TokenLayout:
        """Where everything lies (cached)."""
        return _layout(blueprint, self.width)

    def batch(self, blueprints: Sequence[Blueprint]) -> BatchLayout:
        """The layouts of several networks, padded to the longest."""
        if not blueprints:
            raise WeightloomError("tokenizer: expected at least one blueprint, got none")
        return _batch(tuple(self.layout(blueprint) for blueprint in blueprints))

    def tokenize(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> Float[Tensor, "tokens entries"]:
        """Tokens of one network; entries that hold no parameter are 0.

        Raises:
            WeightloomError: a tensor is missing, unknown, of another shape or of another type than the first.
        """
        self.check(state, blueprint)
        layout = self.layout(blueprint)
        first = state[blueprint.parameters[0].name]
        tokens = first.new_zeros(len(layout) * self.entries)
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            tokens[layout.positions[spec.name].reshape(-1).to(first.device)] = tensor.detach().reshape(-1)
        return tokens.reshape(len(layout), self.entries)

    def check(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
        """Check that tensors are those of the blueprint and fit into tokens, without laying any out; as `tokenize`."""
        _check_names(state, blueprint)
        first = state[blueprint.parameters[0].name]
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            if tuple(tensor.shape) != spec.shape:
                raise WeightloomError(f"tokenizer: {spec.name} must have shape {spec.shape}, got {tuple(tensor.shape)}")
            if tensor.dtype != first.dtype:
                raise WeightloomError(
                    f"tokenizer: {spec.name} must be {first.dtype} as the first tensor is, got {tensor.dtype}; "
                    "convert the module to one type"
                )

    def size(self, blueprint: Blueprint) -> int:
        """Tokens of a network, counted without laying any out."""
        return sum(group.rows * group.chunks for group in token_groups(blueprint, self.width))

    def detokenize(
        self, tokens: Float[Tensor, "tokens entries"], blueprint: Blueprint
    ) -> dict[str, Float[Tensor, ...]]:
        """The named tensors of one network; ``tokens`` may be padded at its end."""
        layout = self.layout(blueprint)
        if tokens.shape[0] < len(layout) or tokens.shape[1] != self.entries:
            raise WeightloomError(
                f"tokenizer: expected at least {len(layout)} tokens of {self.entries} entries, "
                f"got {tuple(tokens.shape)}"
            )
        flat = tokens.reshape(-1)
        return {name: flat[index.to(flat.device)] for name, index in layout.positions.items()}


def _check_names(state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
    expected = {spec.name for spec in blueprint.parameters}
    if expected != set(state):
        raise WeightloomError(
            f"tokenizer: missing tensors {sorted(expected - set(state))}, "
            f"unknown tensors {sorted(set(state) - expected)}"
        )


def _distinct(layouts: Sequence[TokenLayout]) -> tuple[tuple[TokenLayout, ...], Int[Tensor, " networks"]]:
    places = {layout: place for place, layout in enumerate(dict.fromkeys(layouts))}
    return tuple(places), torch.tensor([places[layout] for layout in layouts])


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() + OVERHEAD for tensor in tensors)


def _size_of_batch(batch: BatchLayout) -> int:
    return _size(getattr(batch, name) for name in PADDED)


def _size_of_layout(layout: TokenLayout) -> int:
    own = (layout.node, layout.neuron, layout.chunk, layout.used, layout.centre, layout.scale, layout.maskable)
    return _size((*own, *layout.positions.values()))


@kept(_size_of_batch, MOST_BATCHES)
def _batch(layouts: tuple[TokenLayout, ...]) -> BatchLayout:
    """A batch in which every layout is padded once; the last ones stay, since who asks twice asks at once."""
    few, places = _distinct(layouts)
    once = _padded(few)
    if len(few) == len(layouts):
        return once
    one = len(few) == 1
    own = {
        name: value.expand(len(layouts), *value.shape[1:]) if one else value.index_select(0, places)
        for name in PADDED
        for value in (getattr(once, name),)
    }
    batch = BatchLayout(layouts=layouts, **own)
    batch.__dict__["distinct"] = once, places
    return batch


def _padded(layouts: tuple[TokenLayout, ...]) -> BatchLayout:
    lengths = torch.tensor([len(layout) for layout in layouts])
    return BatchLayout(
        layouts=layouts,
        real=torch.arange(int(lengths.max())) < lengths[:, None],
        **{
            name: pad_sequence([getattr(layout, name) for layout in layouts], True, float(name == "scale"))
            for name in PADDED
            if name != "real"
        },
    )


@kept(_size_of_layout, MOST_LAYOUTS)
def _layout(blueprint: Blueprint, width: int) -> TokenLayout:
    nodes, maskable = blueprint.architecture.nodes, dict(blueprint.maskable)
    parts: dict[str, list[Tensor]] = {
        name: [] for name in ("node", "neuron", "chunk", "used", "centre", "scale", "maskable")
    }
    positions: dict[str, Tensor] = {}
    start = 0
    for group in token_groups(blueprint, width):
        chunks, count = group.chunks, group.rows * group.chunks
        for spec in group.specs:
            chunk, entry = group.places(spec)
            index = (start + np.arange(group.rows)[:, None] * chunks + chunk) * (LANES + width) + entry
            positions[spec.name] = torch.from_numpy(index).reshape(spec.shape)
        for name, block in zip(("used", "centre", "scale"), group.row, strict=True):
            parts[name].append(block.repeat(group.rows, 1))
        parts["node"].append(torch.full((count,), group.node))
        parts["neuron"].append(torch.arange(group.rows).repeat_interleave(chunks))
        parts["chunk"].append(torch.arange(chunks).repeat(group.rows))
        can_close = maskable.get(nodes[group.node].name) == group.rows
        parts["maskable"].append(torch.full((count,), can_close))
        start += count
    return TokenLayout(
        blueprint=blueprint,
        positions={spec.name: positions[spec.name] for spec in blueprint.parameters},
        **{name: torch.cat(blocks) for name, blocks in parts.items()},
    )
