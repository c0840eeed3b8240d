"""Operations that leave channels apart: what is constant before is constant after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from search_spaces.layers import ACTIVATION_FUNCTIONS
from workbench.export.channels.rule import (
    Known,
    Part,
    Rule,
    Site,
    Small,
    Wanted,
    added,
    brought,
    listed,
    normalised,
    places,
)

# dimension names: channels as in workbench.export.channels.rule


@final
class SumRule(Rule):
    """``add``, ``identity`` and pools: a constant added before is the same constant added after."""

    adds = True

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """The sum."""
        return added(inputs)

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What is kept."""
        return [Wanted(kept, full)] * len(inputs)

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The channels kept."""
        found = [brought(part, kept, constants=True) for part in parts]
        missing = torch.stack([offset for _, offset in found]).sum(0)
        return Small(site.node, [places(passes, listed(kept)) for passes, _ in found], missing=missing)


@final
class PositionRule(Rule):
    """Adds a vector that is the same for every input, but seldom at every position."""

    adds = True

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """Constant where it adds the same everywhere."""
        weight = site.state["weight"]
        return Known.where(inputs[0].constant & (weight == weight[:1]).all(0), inputs[0].value + weight[0])

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What is kept."""
        return [Wanted(kept, torch.zeros_like(kept))]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The channels kept; what is missing goes into the weights."""
        passes, missing = brought(parts[0], kept, constants=True)
        weight = site.state["weight"][:, kept] + missing[kept]
        return Small(site.node, [places(passes, listed(kept))], {"weight": weight})


@final
class ConcatRule(Rule):
    """Channels behind channels."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """One behind the other."""
        return Known(torch.cat([part.constant for part in inputs]), torch.cat([part.value for part in inputs]))

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """Of each its own."""
        sizes = [len(part.constant) for part in inputs]
        return [Wanted(*flags) for flags in zip(kept.split(sizes), full.split(sizes), strict=True)]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The channels kept."""
        own = kept.split([len(part.here) for part in parts])
        found = [brought(part, flags, constants=True) for part, flags in zip(parts, own, strict=True)]
        takes = [places(passes, listed(flags)) for (passes, _), flags in zip(found, own, strict=True)]
        return Small(site.node, takes, missing=torch.cat([offset for _, offset in found]))


@final
class FlattenRule(Rule):
    """Each channel becomes as many values as it has positions; they stay or go together."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """As before, at each position."""
        count = math.prod(site.shape[1:])
        return Known(inputs[0].constant.repeat_interleave(count), inputs[0].value.repeat_interleave(count))

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """Whole channels."""
        return self._channels(site, kept).repeat_interleave(math.prod(site.shape[1:]))

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """Channels of which something is kept."""
        return [Wanted(self._channels(site, kept), self._channels(site, full))]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The channels kept."""
        channels = self._channels(site, kept)
        passes, missing = brought(parts[0], channels, constants=True)
        missing = missing.repeat_interleave(math.prod(site.shape[1:]))
        return Small(site.node, [places(passes, listed(channels))], missing=missing)

    def _channels(self, site: Site, kept: Tensor) -> Tensor:
        return kept.view(site.shape[0], -1).any(1)


@final
class PointwiseRule(Rule):
    """``activation``, ``multiply`` and ``zero``: a function of the values at one place."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """The function of constants; a product also where one factor is 0."""
        if site.node.operation == "zero":
            return Known.zeros(site.out[0])
        if site.node.operation == "activation":
            return Known.where(inputs[0].constant, ACTIVATION_FUNCTIONS[str(site.node["kind"])](inputs[0].value))
        constant = torch.stack([part.constant for part in inputs]).all(0)
        nothing = torch.stack([~part.felt for part in inputs]).any(0)
        return Known.where(constant | nothing, torch.stack([part.value for part in inputs]).prod(0))

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What is kept, with its constants."""
        wanted = torch.zeros_like(kept) if site.node.operation == "zero" else kept
        return [Wanted(wanted, wanted)] * len(inputs)

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The channels kept."""
        return Small(site.node, [places(brought(p, kept, constants=True)[0], listed(kept)) for p in parts])


@final
class NormRule(Rule):
    """A norm by itself counts every channel, zeros too: all stay."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """All constant, or nothing of it comes through."""
        return normalised(str(site.node["kind"]), inputs[0], site.opened, _named(site))

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """All."""
        return torch.ones_like(kept)

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """All, with their constants."""
        return [Wanted(kept, kept)]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The same; zeros where nothing comes in."""
        return Small(site.node, [places(brought(parts[0], kept, constants=True)[0], listed(kept))], site.state)


def _named(site: Site) -> dict[str, Tensor]:
    return {f"norm.{name}": tensor for name, tensor in site.state.items()}
