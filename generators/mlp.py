"""The feed-forward family: every token by itself from its coordinates, the graph, the latent and the condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from generators.encoder import BlueprintEncoder
from generators.expert_layers import Chosen, ExpertLinear, ExpertNorm
from generators.generated import Generated
from generators.generator import Condition, Decoder, Generator, GeneratorConfig, Mode, Trial, standard_normal
from generators.heads import CONDITION_FEATURES, to_generated, unit_head, wishes
from generators.initialisation import common_values
from generators.streaming import RowEmitter, Streamed
from generators.token_groups import TokenGroup, Window, token_groups
from generators.tokens import BatchLayout
from search_spaces import Blueprint, WeightloomError


class LatentConfig(GeneratorConfig):
    """Settings of the families that read a latent vector."""

    latent: int = Field(default=32, ge=1, le=4096, description="length of the latent vector")
    latent_start: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="how much of the latent an untrained generator hears; deep targets learn only from little",
    )
    change: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="how far weights are emitted, the rest being fresh ones that all latents share; below 1 for deep "
        "targets with convolutions, whose emitted filters are much alike until they have learned",
    )

    def blend(self, layout: BatchLayout, emitted: Tensor) -> Tensor:
        """Emitted values in natural units over fresh ones, their variance kept at one."""
        if self.change == 1.0:
            return emitted
        return self.change * emitted + math.sqrt(1 - self.change**2) * common_values(layout)


class TokenNetworkConfig(LatentConfig):
    """Settings of the families that apply a small network to each token."""

    d: int = Field(default=96, ge=8, le=4096, description="width of the blueprint encoder")
    hidden: int = Field(default=256, ge=8, le=16384, description="width of the token network")
    layers: int = Field(default=3, ge=1, le=32, description="hidden layers of the token network")


class MLPConfig(TokenNetworkConfig):
    """Settings of the ``mlp`` family."""

    rank: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="0: every token hears the latent in all layers. Above: tokens are computed once an architecture, "
        "and the latent weighs so many directions of each: many networks of one architecture cost little more than one",
    )
    experts: ClassVar[int] = 1


class ExpertsConfig(TokenNetworkConfig):
    """Settings of the ``experts`` family."""

    hidden: int = Field(default=128, ge=8, le=16384, description="width of each token network")
    experts: int = Field(
        default=16,
        ge=2,
        le=1024,
        description="token networks side by side, of which each latent uses one; as many kinds of networks are emitted",
    )
    rank: ClassVar[int] = 0


class MLPGenerator(Generator, Decoder, Streamed):
    """Feed-forward hypernetwork: one small network applied to each token (Ha et al. 2017, arXiv:1609.09106).

    Weights leave it in natural units (1/sqrt(fan-in)) with unit variance, so that an untrained generator
    emits sanely scaled networks for any architecture (compare Chang et al. 2020, ICLR).

    With ``rank`` the weights of network z are ``B + U diag(a(z)) V``: B and U come from the tokens' coordinates and the
    graph, V is shared by all, and only a reads the latent and the condition.
    """

    name: ClassVar[str] = "mlp"
    kind: ClassVar[Literal["family", "baseline"]] = "family"
    modes: ClassVar[tuple[Mode, ...]] = ("task", "zoo", "both")
    Config: ClassVar[type[GeneratorConfig]] = MLPConfig

    def __init__(self, config: MLPConfig | ExpertsConfig | None = None) -> None:
        super().__init__(config)
        c = self.config
        assert isinstance(c, MLPConfig | ExpertsConfig)
        self.settings = c
        self.latent = c.latent + (c.experts if c.experts > 1 else 0)
        self.encoder = BlueprintEncoder(c.d)
        self.condition = listening(c.latent, c.latent_start, c.rank or c.hidden)
        self.enter = ExpertLinear(c.experts, c.d, c.hidden)
        self.layers = nn.ModuleList(ExpertLinear(c.experts, c.hidden, c.hidden) for _ in range(c.layers))
        self.norms = nn.ModuleList(ExpertNorm(c.experts, c.hidden) for _ in range(c.layers))
        self.last = ExpertNorm(c.experts, c.hidden)
        self.leave = ExpertLinear(c.experts, c.hidden, self.tokenizer.entries, std=c.hidden**-0.5)
        if c.rank:
            self.directions = unit_head(c.hidden, c.rank)
            self.shared = nn.Parameter(torch.randn(c.rank, self.tokenizer.entries) * c.rank**-0.5)
        self.edge = nn.Sequential(nn.Linear(c.d + c.latent + CONDITION_FEATURES, c.d), nn.GELU(), nn.Linear(c.d, 1))

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """Width and latent length."""
        return {
            "hidden": trial.suggest_categorical("mlp.hidden", (192, 256, 384)),
            "latent": trial.suggest_categorical("mlp.latent", (8, 32, 128)),
        }

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Standard normal vectors ``[networks, latent]``."""
        return draw_vectors(seeds, self.latent)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """One pass."""
        few, _ = layout.distinct
        encoded = self.encoder.once(few)
        heard, chosen = self._split(latent)
        wanted = torch.cat([heard, wishes(condition)], dim=-1)
        if self.settings.rank:
            values = self._mixed(self._refined(self.enter(encoded.tokens, None), None), wanted, layout)
        else:
            if chosen is None:
                h = layout.spread(self.enter(encoded.tokens, None))
            else:
                h = self.enter(layout.spread(encoded.tokens), chosen)
            values = self._left(self._refined(h + self.condition(wanted)[:, None], chosen), chosen)
        ends = layout.spread(encoded.edges)
        edges = self.edge(torch.cat([ends, wanted[:, None].expand(-1, ends.shape[1], -1)], -1))
        values = self.settings.blend(layout, values)
        return to_generated(self.tokenizer, layout, values, edges[..., 0], condition)

    def opened(self, blueprint: Blueprint, seed: int) -> RowEmitter:
        """Emits rows of one network; the graph is encoded once."""
        if self.settings.change < 1:
            raise WeightloomError(
                f"generator {self.name}: expected 'change' 1 to emit a network in a stream, got "
                f"{self.settings.change}; generate it as a whole, or train a generator with change 1"
            )
        return _Rows(self, blueprint, self.draw_latent([blueprint], [seed]).to(self.device))

    def _split(self, latent: Float[Tensor, "networks numbers"]) -> tuple[Float[Tensor, "networks latent"], Chosen]:
        """What the token network hears, and which one it is: the greatest of as many further numbers as there are."""
        heard, scores = latent[:, : self.settings.latent], latent[:, self.settings.latent :]
        return heard, scores.argmax(1) if self.settings.experts > 1 else None

    def _refined(
        self, h: Float[Tensor, "networks tokens hidden"], chosen: Chosen
    ) -> Float[Tensor, "networks tokens hidden"]:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = h + nn.functional.gelu(layer(norm(h, chosen), chosen))
        return h

    def _left(
        self, h: Float[Tensor, "networks tokens hidden"], chosen: Chosen
    ) -> Float[Tensor, "networks tokens entries"]:
        """Values in natural units."""
        return self.leave(self.last(h, chosen), chosen)

    def _mixed(
        self, h: Float[Tensor, "distinct tokens hidden"], wanted: Float[Tensor, "networks numbers"], layout: BatchLayout
    ) -> Float[Tensor, "networks tokens entries"]:
        """``B + U diag(a) V`` of unit variance, ``diag(a) V`` first, which is smallest."""
        base = self._left(h, None) * math.sqrt(0.5)
        weighed = self.condition(wanted)[:, :, None] * self.shared
        return torch.baddbmm(layout.spread(base), layout.spread(self.directions(h)), weighed)


class _Rows(RowEmitter):
    """Rows of one network of an `MLPGenerator`."""

    @torch.no_grad()
    def __init__(self, generator: MLPGenerator, blueprint: Blueprint, latent: Float[Tensor, "one numbers"]) -> None:
        self.generator = generator
        self.nodes = generator.encoder.nodes((blueprint.architecture,)).shared[0]
        heard, self.chosen = generator._split(latent)
        wanted = wishes(Condition.uniform(1, device=generator.device))
        self.code = generator.condition(torch.cat([heard, wanted], dim=-1))
        self.rows_of: dict[int, int] = {}
        for group in token_groups(blueprint, generator.tokenizer.width):
            self.rows_of[group.node] = max(group.rows, self.rows_of.get(group.node, 0))

    def rows(self, windows: Sequence[Window]) -> list[Float[Tensor, "rows chunks factors"]]:
        """What the last layer hears, and the directions if there is a rank."""
        own = self.generator
        h = own.enter(own.encoder.windows(windows, self.rows_of, self.nodes)[None], self.chosen)
        h = own._refined(h if own.settings.rank else h + self.code, self.chosen)
        heard = own.last(h, self.chosen)[0]
        parts = [heard * math.sqrt(0.5), own.directions(h[0])] if own.settings.rank else [heard]
        left = torch.cat([*parts, heard.new_ones(len(heard), 1)], dim=1).split([window.tokens for window in windows])
        return [part.unflatten(0, (window.rows, -1)) for part, window in zip(left, windows, strict=True)]

    def entries(self, group: TokenGroup) -> Float[Tensor, "factors entries"]:
        """The last layer, what the latent weighs if there is a rank, and the bias."""
        return self.all_entries[:, : group.entries]

    @cached_property
    def all_entries(self) -> Float[Tensor, "factors entries"]:
        """The same for every group."""
        own, expert = self.generator, 0 if self.chosen is None else int(self.chosen)
        weight, bias = own.leave.weight[expert].T, own.leave.bias[None, expert]
        if not own.settings.rank:
            return torch.cat([weight, bias])
        return torch.cat([weight, self.code[0, :, None] * own.shared, bias * math.sqrt(0.5)])


def listening(latent: int, start: float, outputs: int) -> nn.Linear:
    """A layer that reads a latent and the features of the condition, the former weakened by ``start`` before training.

    Networks from differing latents then begin alike. Where they are deep, their gradients would else cancel: the sign
    of what a deep layer should do depends on all layers before it, which each latent draws anew.
    """
    layer = nn.Linear(latent + CONDITION_FEATURES, outputs)
    with torch.no_grad():
        layer.weight[:, :latent] *= start
    return layer


def draw_vectors(seeds: Sequence[int], length: int) -> Tensor:
    """Standard normal vectors ``[networks, length]``, each from its own seed."""
    return torch.stack([standard_normal((length,), seed) for seed in seeds])
