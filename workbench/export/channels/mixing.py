"""Attention, recurrence and squeeze-and-excitation without heads, inner values and inputs that do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from search_spaces import Node
from workbench.export.channels.linear import cut, moved, read_columns, read_sum, weighed
from workbench.export.channels.rule import Known, Part, Rule, Site, Small, Wanted, brought, listed, places

# dimension names: rows, columns, channels as in workbench.export.channels.rule

INWARD = ("query", "key", "value")


@final
class AttentionRule(Rule):
    """A head goes if what it mixes is constant, or if no row of the output weighs it."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """Of what is mixed, constants stay what they are, since weights of attention add up to 1."""
        return weighed(site.state["out.weight"], site.state["out.bias"], self._mixed(site, inputs[0]))

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What the heads that are left read."""
        return [moved(self._columns(site, kept, inputs[0]))]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """Fewer heads, inputs and outputs."""
        known = parts[0].known
        takes, columns, missing = read_sum(parts, self._columns(site, kept, known))
        inner = self._inner(site, kept, known)
        state: dict[str, Tensor] = {}
        for name in INWARD:
            weight = site.state[f"{name}.weight"][inner]
            state[f"{name}.weight"] = cut(weight, columns)
            state[f"{name}.bias"] = site.state[f"{name}.bias"][inner] + weight @ missing
        out, mixed = site.state["out.weight"][kept], self._mixed(site, known)
        state["out.weight"] = out[:, inner]
        state["out.bias"] = site.state["out.bias"][kept] + out[:, ~inner] @ mixed.value[~inner]
        size = site.shape[0] // int(site.node["heads"])
        heads, channels = int(inner.sum()) // size, int(kept.sum())
        node = site.node
        if not len(columns) == heads * size == channels:
            choices = {"channels": channels, "heads": heads, "kind": node["kind"], "size": size}
            node = Node(name=node.name, operation="narrow_attention", choices=tuple(choices.items()))
        elif heads != node["heads"]:
            node = Node(name=node.name, operation="attention", choices=(("heads", heads), ("kind", node["kind"])))
        return Small(node, takes, state)

    def _mixed(self, site: Site, known: Known) -> Known:
        """Linear attention divides by a little more than the sum of its weights: only 0 stays what it is."""
        value = weighed(site.state["value.weight"], site.state["value.bias"], known)
        return value if site.node["kind"] != "linear" else Known.where(~value.felt, value.value)

    def _inner(self, site: Site, kept: Tensor, known: Known) -> Bool[Tensor, " channels"]:
        """Channels of the heads that stay, at least of one."""
        heads = int(site.node["heads"])
        live = read_columns(site.state["out.weight"][kept], self._mixed(site, known)).view(heads, -1).any(1)
        live[0] |= ~live.any()
        return live.repeat_interleave(site.shape[0] // heads)

    def _columns(self, site: Site, kept: Tensor, known: Known) -> Bool[Tensor, " columns"]:
        inner = self._inner(site, kept, known)
        return torch.stack([read_columns(site.state[f"{n}.weight"][inner], known) for n in INWARD]).any(0)


@final
class RecurrentRule(Rule):
    """Inputs that nobody weighs go; the state stays, as each of its values may reach each other one."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """Nothing is known."""
        moving = torch.zeros(site.out[0], dtype=torch.bool)
        return Known(moving, torch.zeros(site.out[0], dtype=torch.float64))

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """All."""
        return torch.ones_like(kept)

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """The columns that count."""
        return [moved(read_columns(site.state["inward.weight"], inputs[0]))]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """Fewer columns."""
        weight = site.state["inward.weight"]
        takes, columns, missing = read_sum(parts, read_columns(weight, parts[0].known))
        inward = {"inward.weight": cut(weight, columns), "inward.bias": site.state["inward.bias"] + weight @ missing}
        return Small(site.node, takes, {**site.state, **inward})


@final
class SqueezeRule(Rule):
    """A channel of zeros goes, and so does one that neither the output nor the inner values need."""

    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """A constant channel times a constant factor, or 0."""
        inner = self._inner(site, inputs[0])
        factor = weighed(site.state["expand.weight"], site.state["expand.bias"], inner)
        both = inputs[0].constant & factor.constant
        return Known.where(both | ~inputs[0].felt, inputs[0].value * torch.sigmoid(factor.value))

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """Those that inner values which stay are made of, too: what comes in goes out."""
        inner = self._inner(site, inputs[0]).moving
        while True:
            used = inner & (site.state["expand.weight"][kept] != 0).any(0)
            more = kept | read_columns(site.state["reduce.weight"][used], inputs[0])
            if torch.equal(more, kept):
                return kept
            kept = more

    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What is kept, with its constants."""
        return [Wanted(kept, kept)]

    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """Fewer channels and inner values."""
        (part,) = parts
        passes, missing = brought(part, kept, constants=True)
        known = self._inner(site, part.known)
        expand = site.state["expand.weight"][kept]
        used = (expand != 0).any(0) & known.moving
        reduce = site.state["reduce.weight"][used]
        state = {
            "reduce.weight": reduce[:, kept],
            "reduce.bias": site.state["reduce.bias"][used] + reduce @ missing,
            "expand.weight": expand[:, used],
            "expand.bias": site.state["expand.bias"][kept] + expand @ known.value,
        }
        count, inner, node = int(kept.sum()), int(used.sum()), site.node
        if not inner:  # a layer of nothing cannot be built
            state["reduce.weight"], state["reduce.bias"] = torch.zeros(1, count), torch.zeros(1)
            state["expand.weight"] = torch.zeros(count, 1)
        if (count, inner) != (site.shape[0], len(site.state["reduce.bias"])):
            node = Node(name=node.name, operation="narrow_squeeze_excite", choices=(("inner", max(1, inner)),))
        return Small(node, [places(passes, listed(kept))], state)

    def _inner(self, site: Site, known: Known) -> Known:
        before = weighed(site.state["reduce.weight"], site.state["reduce.bias"], known)
        return Known.where(before.constant, torch.relu(before.value))
