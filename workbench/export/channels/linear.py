"""Layers that weigh their inputs: constants go into biases, what is not weighed is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from search_spaces import Node
from search_spaces.layers import ACTIVATION_FUNCTIONS
from search_spaces.operations.spatial import padding
from workbench.export.channels.rule import (
    Known,
    Part,
    Rule,
    Site,
    Small,
    Wanted,
    added,
    after_layer,
    brought,
    listed,
    places,
)

# dimension names: rows, columns, channels as in workbench.export.channels.rule


def weighed(weight: Float[Tensor, "rows columns"], bias: Float[Tensor, " rows"], known: Known) -> Known:
    """What is known of W z + b."""
    still = ~((weight != 0) & known.moving).any(1)
    return Known.where(still, bias + weight @ known.value)


def read_columns(weight: Float[Tensor, "rows columns"], known: Known) -> Bool[Tensor, " columns"]:
    """Columns that are not constant and that some row weighs."""
    return (weight != 0).any(0) & known.moving


def moved(columns: Bool[Tensor, " columns"]) -> Wanted:
    """These columns, constants excepted."""
    return Wanted(columns, torch.zeros_like(columns))


def resized(node: Node, **choices: int) -> Node:
    """The node with other numbers."""
    return replace(node, choices=tuple({**dict(node.choices), **choices}.items()))


def cut(weight: Float[Tensor, "rows columns"], columns: Sequence[int]) -> Tensor:
    """Some columns; a layer that reads nothing keeps one zero a row."""
    return weight[:, list(columns)] if columns else weight.new_zeros(len(weight), 1)


def read_sum(
    parts: Sequence[Part], columns: Bool[Tensor, " columns"]
) -> tuple[list[list[int]], list[int], Float[Tensor, " columns"]]:
    """What each part brings to the wanted columns, these columns, and what is missing in their sum."""
    found = [brought(part, columns, constants=False) for part in parts]
    wanted = listed(columns)
    takes = [places(passes, wanted or [-1]) if wanted else [-1] for passes, _ in found]
    return takes, wanted, torch.stack([offset for _, offset in found]).sum(0)


@final
class DenseRule(Rule):
    """``dense`` and ``gated_dense``."""

    adds = True

    def __init__(self, *linears: str) -> None:
        self.linears = linears

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """A row without a weight on what moves; of a product also where one factor is constantly 0."""
        total = added(inputs)
        known = [weighed(site.state[f"{n}.weight"], site.state[f"{n}.bias"], total) for n in self.linears]
        activation = str(site.node["activation"])
        if len(known) == 1:
            return after_layer(site, str(site.node["norm"]), known[0], activation)
        first, second = known
        gate = Known.where(second.constant, ACTIVATION_FUNCTIONS[activation](second.value))
        product = Known.where((first.constant & gate.constant) | ~first.felt | ~gate.felt, first.value * gate.value)
        return after_layer(site, str(site.node["norm"]), product, "none")

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """With a norm all open neurons, since each counts in it."""
        return kept if site.node["norm"] == "none" else kept | site.opened

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """The columns that count."""
        return [moved(self._columns(site, kept, added(inputs)))] * len(inputs)

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """Fewer rows and columns."""
        takes, columns, missing = read_sum(parts, self._columns(site, kept, added([part.known for part in parts])))
        state = {name: tensor[kept] for name, tensor in site.state.items()}
        for name in self.linears:
            weight = state[f"{name}.weight"]
            state[f"{name}.weight"] = cut(weight, columns)
            state[f"{name}.bias"] = state[f"{name}.bias"] + weight @ missing
        return Small(resized(site.node, width=int(kept.sum())), takes, state)

    def _columns(self, site: Site, kept: Tensor, known: Known) -> Tensor:
        weights = [site.state[f"{name}.weight"][kept] for name in self.linears]
        return torch.stack([read_columns(weight, known) for weight in weights]).any(0)


@final
class ConvRule(Rule):
    """Convolutions. Of one with groups, whole groups go, and within the others as many channels as go in each.

    Where windows reach beyond the data, a constant input that is not 0 gives an output that is not constant.
    """

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """A row without a weight on what moves."""
        (known,) = inputs
        groups = int(site.node["groups"])
        weight = self._by_group(site).sum(-1)
        moving = self._moving(site, known).view(groups, 1, -1)
        still = ~((self._by_group(site) != 0).any(-1) & moving).any(-1).flatten()
        steady = torch.where(moving, 0.0, known.value.view(groups, 1, -1))
        before = Known.where(still, site.state["conv.bias"] + (weight * steady).sum(-1).flatten())
        return after_layer(site, str(site.node["norm"]), before, str(site.node["activation"]))

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """With a norm all open channels; the same number in each group."""
        if site.node["norm"] != "none":
            kept = kept | site.opened
        kept = kept.view(int(site.node["groups"]), -1)
        most = int(kept.sum(1).max())
        # in a group with fewer, the first of the others
        order = torch.argsort((~kept).byte(), dim=1, stable=True)
        filled = kept.clone().scatter_(1, order[:, :most], True)
        return (filled & kept.any(1, keepdim=True)).flatten()

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """The columns that count; at padded windows with their constants."""
        columns = self._reads(site, kept, inputs[0]).flatten()
        return [Wanted(columns, columns & self._is_padded(site))]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """Fewer groups, rows and columns."""
        (part,) = parts
        reads = self._reads(site, kept, part.known)
        passes, missing = brought(part, reads.flatten(), constants=self._is_padded(site))
        weight = self._by_group(site)
        groups, size, inputs, window = weight.shape
        rows = kept.view(groups, size)
        live = rows.any(1)
        # the columns that are read come first, and as many in each group as in that with most of them
        order = torch.argsort((~reads[live]).byte(), dim=1, stable=True)[:, : max(1, int(reads[live].sum(1).max()))]
        first = torch.arange(groups)[live][:, None] * inputs
        takes = torch.where(passes[order + first], order + first, -1).flatten().tolist()
        own = weight[live][rows[live]].view(len(first), -1, inputs, window)
        counts = reads[live].gather(1, order)[:, None, :, None]
        place = order[:, None, :, None].expand(-1, own.shape[1], -1, window)
        offsets = (own.sum(-1) @ missing.view(groups, inputs)[live][..., None]).flatten()
        state = {name: tensor[kept] for name, tensor in site.state.items()}
        kernel = site.state["conv.weight"].shape[2:]
        state["conv.weight"] = (own.gather(2, place) * counts).flatten(0, 1).unflatten(-1, kernel)
        state["conv.bias"] = state["conv.bias"] + offsets
        node = resized(site.node, channels=int(kept.sum()), groups=len(first))
        is_open = site.opened[kept]
        mixes = site.node["norm"] != "none" and not bool(is_open.all())
        return Small(node, [takes], state, is_open=is_open if mixes else None)

    def _by_group(self, site: Site) -> Float[Tensor, "groups rows columns window"]:
        return site.state["conv.weight"].flatten(2).unflatten(0, (int(site.node["groups"]), -1))

    def _is_padded(self, site: Site) -> bool:
        kernel, stride = int(site.node["kernel"]), int(site.node["stride"])
        return any(sum(padding(side, kernel, stride)) for side in site.shape[1:])

    def _moving(self, site: Site, known: Known) -> Tensor:
        return known.felt if self._is_padded(site) else known.moving

    def _reads(self, site: Site, kept: Tensor, known: Known) -> Bool[Tensor, "groups columns"]:
        """Input channels that move and that a kept row weighs."""
        weight = (self._by_group(site) != 0).any(-1)
        groups, size, inputs = weight.shape
        return (weight & kept.view(groups, size, 1)).any(1) & self._moving(site, known).view(groups, inputs)
