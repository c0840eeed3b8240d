"""The transformer family: tokens attend to each other before they become weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from generators.attention import LOOK_AT, LookAt, TokenTransformer
from generators.encoder import BlueprintEncoder
from generators.generated import Generated
from generators.generator import Condition, Decoder, Generator, GeneratorConfig, Mode, Trial
from generators.heads import to_generated, unit_head, wishes
from generators.mlp import LatentConfig, draw_vectors, listening
from generators.tokens import BatchLayout
from search_spaces import Blueprint


class TransformerConfig(LatentConfig):
    """Settings of the ``transformer`` family."""

    d: int = Field(default=96, ge=8, le=4096, multiple_of=4, description="width")
    layers: int = Field(default=3, ge=1, le=64, description="attention blocks")
    look_at: LookAt = Field(default="tokens", description=LOOK_AT)


class TransformerGenerator(Generator, Decoder):
    """Tokens of one network attend to each other and to its optional edges, then leave as weights.

    Compare Knyazev et al. 2023 (GHN-3, arXiv:2303.04143), where attention runs over nodes only.
    """

    name: ClassVar[str] = "transformer"
    kind: ClassVar[Literal["family", "baseline"]] = "family"
    modes: ClassVar[tuple[Mode, ...]] = ("task", "zoo", "both")
    Config: ClassVar[type[GeneratorConfig]] = TransformerConfig

    def __init__(self, config: TransformerConfig | None = None) -> None:
        super().__init__(config)
        c = config or TransformerConfig()
        self.settings = c
        self.latent = c.latent
        self.encoder = BlueprintEncoder(c.d)
        self.condition = listening(c.latent, c.latent_start, c.d)
        self.body = TokenTransformer(c.d, c.layers, c.look_at)
        self.leave = unit_head(c.d, self.tokenizer.entries)
        self.edge = nn.Linear(c.d, 1)

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """Depth and latent length."""
        return {
            "layers": trial.suggest_int("transformer.layers", 2, 4),
            "latent": trial.suggest_categorical("transformer.latent", (8, 32, 128)),
        }

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Standard normal vectors ``[networks, latent]``."""
        return draw_vectors(seeds, self.latent)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """One pass."""
        encoded = self.encoder(layout)
        wanted = self.condition(torch.cat([latent, wishes(condition)], dim=-1))[:, None]
        tokens, edges = self.body(
            encoded.tokens + wanted, encoded.edges + wanted, layout.real, layout.edge_real, layout.node
        )
        out = self.leave(tokens)
        values = self.settings.blend(layout, out)
        return to_generated(self.tokenizer, layout, values, self.edge(edges)[..., 0], condition)
