"""The topology generator: one choice after another of any search space, each from a distribution over its options."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from generators.topology.features import FEATURES, option_features, options_of
from generators.topology.walking import Steps, Walking
from search_spaces import Architecture, Choice, SearchSpace, WeightloomError
from search_spaces.architecture import Value
from search_spaces.rules import Emission, Rules

# dimension names: walks = architectures, steps = choices one after another, options of a choice (padded),
# features of an option, d = width


class TopologyConfig(BaseModel):
    """Settings of a topology generator; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    d: int = Field(default=64, ge=4, le=4096, description="width of the recurrent network")
    least_flops: float = Field(default=1e3, gt=0, description="smallest budget that it is trained for")
    most_flops: float = Field(default=1e7, gt=0, description="largest budget, and what is meant where none is said")


class TopologyGenerator(nn.Module):
    """(latent, budget) → an architecture of any search space.

    A gated recurrent unit reads the choices taken so far, after the budget; a small network gives every option of the
    next choice a logit from its state and the option's features, as controllers of architecture search do (Zoph & Le
    2017, arXiv:1611.01578, section 3.1). Choices and options are told by fixed random codes of their names and values,
    so one network serves the trees of all spaces. Untrained it gives all options the same chance.

    A latent is Gumbel noise, a number for each option, and the option with the greatest logit plus noise is taken
    (Maddison et al. 2014, arXiv:1411.0030, section 2): the architecture is a function of latent and budget, and over
    latents each option comes with its chance. So nothing but the latent tells two architectures apart, and collapse
    is a loss of entropy, which training watches. Options that rules cut off have chance 0, whatever was learned:
    what is emitted is valid and keeps the rules by construction (`search_spaces.rules.Emission`).
    """

    def __init__(self, config: TopologyConfig | None = None) -> None:
        super().__init__()
        self.config = config or TopologyConfig()
        if self.config.least_flops > self.config.most_flops:
            raise WeightloomError(
                f"topology: expected least_flops of at most most_flops, got {self.config.least_flops:g} and "
                f"{self.config.most_flops:g}"
            )
        d = self.config.d
        self.start = nn.Linear(2, d)
        self.option = nn.Linear(FEATURES, d)
        self.memory = nn.GRU(d, d, batch_first=True)
        self.state = nn.Linear(d, d)
        self.leave = nn.Linear(d, 1)
        nn.init.zeros_(self.leave.weight)

    @torch.no_grad()
    def emit(
        self, space: SearchSpace, seeds: Sequence[int], flops: float | None = None, rules: Rules | None = None
    ) -> list[Architecture]:
        """Architectures of ``space``, one for each seed of a latent.

        Args:
            space: whose choices are made.
            seeds: of the latents.
            flops: budget: floating-point operations for one example that none may exceed.
            rules: that all keep besides.

        Raises:
            WeightloomError: no architecture keeps budget and rules, or none was found.
        """
        return [architecture for architecture, _ in self.walked(Emission(space, budget(rules, flops)), seeds, flops)]

    @torch.no_grad()
    def walked(self, emission: Emission, seeds: Sequence[int], flops: float | None) -> list[tuple[Architecture, Steps]]:
        """The same from an ``emission`` that has budget and rules, with the choices that were made.

        All walks go on side by side. One does not depend on the others, beyond float rounding.
        """
        walks = [Walking(emission.walk(), seed) for seed in seeds]
        states = [self._begin([flops] * len(walks))]  # of all walks, by the number of choices taken
        active = [i for i, walking in enumerate(walks) if walking.asked is not None]
        hidden = {i: [states[0][0, i]] for i in active}
        while active:
            asked = [walks[i].now for i in active]
            state = torch.stack([hidden[i][a.place] for i, a in zip(active, asked, strict=True)])
            features, allowed = options_of([(a.choice, a.allowed) for a in asked])
            logits = self._logits(state[:, None], features[:, None], allowed[:, None])[:, 0].numpy()
            values = [walks[i].pick(row) for i, row in zip(active, logits, strict=True)]
            after = self._after(state, [(a.choice, v) for a, v in zip(asked, values, strict=True)])
            for i, a, value, new in zip(active, asked, values, after, strict=True):
                del hidden[i][a.place + 1 :]
                hidden[i].append(new)
                walks[i].answer(value)
            active = [i for i in active if walks[i].asked is not None]
        return [(walking.found(), walking.steps) for walking in walks]

    def distribution(
        self, steps: Sequence[Steps], flops: Sequence[float | None]
    ) -> tuple[Float[Tensor, " walks"], Float[Tensor, " walks"]]:
        """Logarithm of the chance of each architecture's choices, and the entropy of its choices added up, in nats.

        Each choice's distribution is that over the options which were not taken back. Differentiable.

        Args:
            steps: from ``walked``.
            flops: budget of each.
        """
        count, longest = len(steps), max(len(own.taken) for own in steps)
        pairs = [pair for own in steps for pair in zip(own.choices, own.allowed, strict=True)]
        flat, free = options_of(pairs)
        features = flat.new_zeros(count, longest, *flat.shape[1:])
        allowed = torch.zeros(count, longest, flat.shape[1], dtype=torch.bool)
        taken = torch.zeros(count, longest, dtype=torch.long)
        real = torch.tensor([[place < len(own.taken) for place in range(longest)] for own in steps])
        features[real], allowed[real] = flat, free
        allowed[~real, 0] = True
        taken[real] = torch.tensor([c.options.index(v) for o in steps for c, v in zip(o.choices, o.taken, strict=True)])
        read = torch.gather(features, 2, taken[..., None, None].expand(-1, -1, 1, FEATURES))[:, :, 0]
        first = self._begin(flops)
        states, _ = self.memory(self.option(read[:, :-1]), first) if longest > 1 else (first.new_zeros(count, 0, 1), 0)
        states = torch.cat([first.transpose(0, 1), states.reshape(count, longest - 1, -1)], dim=1)
        chances = self._logits(states, features, allowed).log_softmax(-1)
        picked = torch.gather(chances, 2, taken[..., None])[..., 0]
        entropy = -(chances.exp() * chances.masked_fill(~allowed, 0.0)).sum(-1)
        return (picked * real).sum(1), (entropy * real).sum(1)

    def _begin(self, flops: Sequence[float | None]) -> Float[Tensor, "1 walks d"]:
        """The state before the first choice: where the budget lies between the least and the most, 0 to 1."""
        low, high = math.log10(self.config.least_flops), math.log10(self.config.most_flops)
        wanted = [high if most is None else min(high, max(low, math.log10(most))) for most in flops]
        places = torch.tensor([(place - low) / max(high - low, 1e-9) for place in wanted])
        return torch.tanh(self.start(torch.stack([places, 1 - places], dim=-1)))[None]

    def _after(self, state: Float[Tensor, "walks d"], taken: Sequence[tuple[Choice, Value]]) -> Tensor:
        features = torch.stack([option_features(choice.name, value) for choice, value in taken])
        _, last = self.memory(self.option(features)[:, None], state[None].contiguous())
        return last[0]

    def _logits(
        self,
        states: Float[Tensor, "walks steps d"],
        features: Float[Tensor, "walks steps options features"],
        allowed: Bool[Tensor, "walks steps options"],
    ) -> Float[Tensor, "walks steps options"]:
        mixed = torch.nn.functional.gelu(self.state(states)[:, :, None] + self.option(features))
        return self.leave(mixed)[..., 0].masked_fill(~allowed, -torch.inf)


def budget(rules: Rules | None, flops: float | None) -> Rules:
    """The rules with the budget among them."""
    if flops is not None and not flops >= 1:
        raise WeightloomError(f"topology: expected a budget of at least 1 FLOP, got {flops}")
    return (rules or Rules()).within(flops)
