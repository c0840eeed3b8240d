"""Fresh weights: what any generator has to beat to be worth a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor

from generators.baselines.parts import assemble
from generators.generated import Generated
from generators.generator import Condition, Generator
from generators.initialisation import initial_values
from generators.tokens import BatchLayout
from search_spaces import Blueprint


class InitBaseline(Generator):
    """Untrained networks as ``initial_tokens`` makes them from the seed; all wires open.

    Below density 1 the neurons with the smallest incoming weights are closed, which here is at random.
    """

    name: ClassVar[str] = "init"
    kind: ClassVar[Literal["family", "baseline"]] = "baseline"

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """The weights themselves in natural units, ``[networks, tokens, entries]``."""
        return initial_values(self.tokenizer.batch(blueprints), seeds)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """The latent at the scale of each layer."""
        return assemble(self.tokenizer, layout, latent, layout.edge_real.to(latent.dtype), condition)
