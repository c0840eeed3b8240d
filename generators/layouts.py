"""Where everything of one network, or of several side by side, lies in their tokens."""

from __future__ import annotations

import itertools
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
from generators.token_groups import LANES, token_groups
from search_spaces import Blueprint

# dimension names: networks, tokens, entries as in generators.tokens; forms = of tokens, see TokenLayout

PADDED = ("node", "neuron", "chunk", "real", "used", "centre", "scale", "maskable")
"""Tensors of a `BatchLayout`."""
MOST_LAYOUTS, MOST_BATCHES = 2**27, 2**25
"""Bytes of layouts that are kept: of some thousand small networks, or of one as large as it may be."""
OVERHEAD = 1024
"""Bytes that a small tensor takes besides its numbers, about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenLayout:
    """Where everything of one network lies in its tokens.

    Attributes:
        blueprint: the network's.
        node: index of the architecture's node for each token.
        neuron: row within the node.
        chunk: which part of a row that is longer than a token.
        form: which of the forms below each token has; neurons of one node have the same.
        used_of, centre_of, scale_of: ``used``, ``centre`` and ``scale`` of each form.
        maskable: tokens of neurons that may be closed.
        positions: per parameter name the flat positions of its elements in ``[tokens, entries]``.
    """

    blueprint: Blueprint
    node: Int[Tensor, " tokens"]
    neuron: Int[Tensor, " tokens"]
    chunk: Int[Tensor, " tokens"]
    form: Int[Tensor, " tokens"]
    used_of: Bool[Tensor, "forms entries"]
    centre_of: Float[Tensor, "forms entries"]
    scale_of: Float[Tensor, "forms entries"]
    maskable: Bool[Tensor, " tokens"]
    positions: Mapping[str, Int[Tensor, ...]]

    def __len__(self) -> int:
        return len(self.node)

    @property
    def used(self) -> Bool[Tensor, "tokens entries"]:
        """Entries that hold a parameter."""
        return self.used_of[self.form]

    @property
    def centre(self) -> Float[Tensor, "tokens entries"]:
        """An entry's value at which it is neutral: 1 for scales of norms, else 0."""
        return self.centre_of[self.form]

    @property
    def scale(self) -> Float[Tensor, "tokens entries"]:
        """An entry's natural unit: 1/sqrt(fan-in) for weights and biases, else 0.1."""
        return self.scale_of[self.form]


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
        if self.repeats:
            few, places = self.few
            batch.__dict__["few"] = few.to(device), places.to(device)
        return batch

    def __getstate__(self) -> dict[str, Any]:
        made = ("blueprints", "few", "stack", "groups", "unit")  # quickly made again
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

    @property
    def distinct(self) -> tuple[BatchLayout, Int[Tensor, " networks"]]:
        """Each layout once, in order of appearance, and which of these every network has."""
        if not self.repeats:  # not kept: what refers to itself stays in memory until all of it is searched for cycles
            return self, torch.arange(len(self.layouts), device=self.node.device)
        return self.few

    @cached_property
    def few(self) -> tuple[BatchLayout, Int[Tensor, " networks"]]:
        """``distinct`` of a batch with repeats."""
        few, places = _distinct(self.layouts)
        return _padded(few).to(self.node.device), places.to(self.node.device)

    def spread(self, values: Tensor) -> Tensor:
        """What was made of ``distinct`` layouts ``[distinct, ...]``, for every network; no copy where all are alike."""
        if len(values) == len(self.layouts):
            return values
        if len(values) == 1:
            return values.expand(len(self.layouts), *values.shape[1:])
        return values.index_select(0, self.distinct[1])


def _distinct(layouts: Sequence[TokenLayout]) -> tuple[tuple[TokenLayout, ...], Int[Tensor, " networks"]]:
    places = {layout: place for place, layout in enumerate(dict.fromkeys(layouts))}
    return tuple(places), torch.tensor([places[layout] for layout in layouts])


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() + OVERHEAD for tensor in tensors)


def _size_of_batch(batch: BatchLayout) -> int:
    return _size(getattr(batch, name) for name in PADDED)


def size_of_layout(layout: TokenLayout) -> int:
    """Bytes, about."""
    forms = (layout.form, layout.used_of, layout.centre_of, layout.scale_of)
    return _size((layout.node, layout.neuron, layout.chunk, *forms, layout.maskable, *layout.positions.values()))


@kept(_size_of_batch, MOST_BATCHES)
def batch_of(layouts: tuple[TokenLayout, ...]) -> BatchLayout:
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
    batch.__dict__["few"] = once, places
    return batch


def _padded(layouts: tuple[TokenLayout, ...]) -> BatchLayout:
    lengths = torch.tensor([len(layout) for layout in layouts])

    def padded(values: Iterable[Tensor]) -> Tensor:
        return pad_sequence(list(values), batch_first=True)

    real = torch.arange(int(lengths.max())) < lengths[:, None]
    starts = list(itertools.accumulate((len(layout.used_of) for layout in layouts), initial=1))  # after that of padding
    form = (padded(layout.form for layout in layouts) + torch.tensor(starts[:-1])[:, None]).where(real, 0).flatten()
    nothing = layouts[0].used_of.new_zeros(1, layouts[0].used_of.shape[1])

    def formed(forms: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(forms)).index_select(0, form).view(*real.shape, -1)

    return BatchLayout(
        layouts=layouts,
        real=real,
        used=formed([nothing, *(layout.used_of for layout in layouts)]),
        centre=formed([nothing.float(), *(layout.centre_of for layout in layouts)]),
        scale=formed([(~nothing).float(), *(layout.scale_of for layout in layouts)]),
        **{
            name: padded(getattr(layout, name) for layout in layouts)
            for name in ("node", "neuron", "chunk", "maskable")
        },
    )


@kept(size_of_layout, MOST_LAYOUTS)
def layout_of(blueprint: Blueprint, width: int) -> TokenLayout:
    """The layout of one network in tokens of so many weights."""
    nodes, maskable = blueprint.architecture.nodes, dict(blueprint.maskable)
    parts: dict[str, list[Tensor]] = {
        name: [] for name in ("node", "neuron", "chunk", "form", "used_of", "centre_of", "scale_of", "maskable")
    }
    positions: dict[str, Tensor] = {}
    start = forms = 0
    for group in token_groups(blueprint, width):
        chunks, count = group.chunks, group.rows * group.chunks
        for spec in group.specs:
            chunk, entry = group.places(spec)
            index = (start + np.arange(group.rows)[:, None] * chunks + chunk) * (LANES + width) + entry
            positions[spec.name] = torch.from_numpy(index).reshape(spec.shape)
        for name, block in zip(("used_of", "centre_of", "scale_of"), group.row, strict=True):
            parts[name].append(block)
        parts["node"].append(torch.full((count,), group.node))
        parts["neuron"].append(torch.arange(group.rows).repeat_interleave(chunks))
        parts["chunk"].append(torch.arange(chunks).repeat(group.rows))
        parts["form"].append(parts["chunk"][-1] + forms)
        can_close = maskable.get(nodes[group.node].name) == group.rows
        parts["maskable"].append(torch.full((count,), can_close))
        start, forms = start + count, forms + chunks
    return TokenLayout(
        blueprint=blueprint,
        positions={spec.name: positions[spec.name] for spec in blueprint.parameters},
        **{name: torch.cat(blocks) for name, blocks in parts.items()},
    )
