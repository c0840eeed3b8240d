"""A generator of your own: a learned mean and a learned spread for every weight.

Weight = mean + spread x noise, with a number of N(0, 1) for each weight. That is the reparametrised Gaussian of
Blundell et al. 2015 (Weight uncertainty in neural networks, arXiv:1505.05424, section 3.2), but mean and spread are
emitted, for any architecture, by two linear layers on what the shared encoder says of each neuron.

What to look at first in the report: trained on the task's loss alone nothing rewards a spread, so that it shrinks
until it does no harm. How much diversity that leaves is the column ``collapse``; whether it is better than noise on
a trained network is the column ``gap``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from generators import BatchLayout, Condition, Generated, Generator, GeneratorConfig, Mode
from generators.baselines.parts import draw_tokens
from generators.encoder import BlueprintEncoder
from generators.generator import Trial
from generators.heads import to_generated, unit_head
from search_spaces import Blueprint


class OwnThingConfig(GeneratorConfig):
    """Settings of ``own_thing``: on the command line ``--settings d=64``, in YAML under ``families``."""

    d: int = Field(default=64, ge=8, le=4096, description="width of the blueprint encoder")
    spread: float = Field(default=0.1, gt=0, le=1, description="of an untrained generator's weights, 1 = their size")


class OwnThingGenerator(Generator):
    """Gaussian hypernetwork: a learned mean and a learned spread for every weight."""

    name: ClassVar[str] = "own_thing"
    kind: ClassVar[Literal["family", "baseline"]] = "family"
    modes: ClassVar[tuple[Mode, ...]] = ("task",)
    Config: ClassVar[type[GeneratorConfig]] = OwnThingConfig

    def __init__(self, config: OwnThingConfig | None = None) -> None:
        super().__init__(config)
        self.settings = config or OwnThingConfig()
        d, entries = self.settings.d, self.tokenizer.entries
        self.encoder = BlueprintEncoder(d)  # architectures of any space to vectors: a token = a neuron's weights
        self.mean = unit_head(d, entries)
        self.spread = nn.Linear(d, entries)
        self.gate = nn.Linear(d, 1)

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """What a sweep tries; each name begins with the generator's."""
        return {"spread": trial.suggest_float("own_thing.spread", 0.03, 0.3, log=True)}

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """A number of N(0, 1) for each weight, ``[networks, tokens, entries]``; from each network's own seed alone."""
        return draw_tokens(self.tokenizer, blueprints, seeds)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """Weights in natural units, where 1 is the usual size of such a weight; a score for each optional wire."""
        encoded = self.encoder(layout)
        spread = self.settings.spread * self.spread(encoded.tokens).exp()
        return to_generated(
            self.tokenizer,
            layout,
            self.mean(encoded.tokens) + spread * latent,
            self.gate(encoded.edges)[..., 0],
            condition,
        )
