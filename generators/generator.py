"""The interface of everything that emits weights and connectivity."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from generators.generated import Generated
from generators.tokens import BatchLayout, WeightTokenizer
from search_spaces import Blueprint, WeightloomError

if TYPE_CHECKING:
    from generators.collection import Collection

# dimension names: networks, tokens, entries as in generators.tokens

Mode = Literal["task", "zoo", "both"]


@runtime_checkable
class Trial(Protocol):
    """The little of an Optuna trial that a generator needs to propose its own settings."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Pick one of ``choices``."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Pick a number between ``low`` and ``high``."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Pick an integer between ``low`` and ``high``."""
        ...


class GeneratorConfig(BaseModel):
    """Settings that every generator has; families add their own. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_width: int = Field(default=64, ge=1, le=65536, description="weights in one token")


@dataclass(frozen=True, kw_only=True, eq=False)
class Condition:
    """What is wanted of each network.

    Attributes:
        density: share of hidden neurons that stay open, above 0 and at most 1.
        weights: share of weights that stay non-zero, above 0 and at most 1; which count is said at
            ``generators.connectivity.heaviest``.
    """

    density: Float[Tensor, " networks"]
    weights: Float[Tensor, " networks"]

    @classmethod
    def uniform(
        cls, count: int, density: float = 1.0, device: torch.device | str = "cpu", *, weights: float = 1.0
    ) -> Condition:
        """The same for all; dense unless said otherwise."""
        for name, share in (("density", density), ("weights", weights)):
            if not 0 < share <= 1:
                raise WeightloomError(f"condition: {name} must be above 0 and at most 1, got {share}")
        return cls(
            density=torch.full((count,), float(density), device=device),
            weights=torch.full((count,), float(weights), device=device),
        )


class Generator(nn.Module, ABC):
    """(blueprints, latent, condition) → weights and connectivity.

    Obligations of a subclass: same seeds give same networks, in any process; a network does not depend on
    its neighbours in the batch (beyond float rounding); every parameter and every optional edge of each
    blueprint is emitted; at ``density`` 1 no neuron is closed, at ``weights`` 1 no weight is set to zero.

    Class attributes:
        name: as registered.
        kind: ``family`` for generators that learn by gradient, ``baseline`` for the honest comparisons.
        modes: how it can be trained, see ``workbench.training``; empty for baselines, which are fitted.
        Config: its settings.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["family", "baseline"]]
    modes: ClassVar[tuple[Mode, ...]] = ()
    Config: ClassVar[type[GeneratorConfig]] = GeneratorConfig

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__()
        self.config = config or self.Config()
        self.register_buffer("_place", torch.empty(0), persistent=False)  # so that one without weights has a device too
        self.tokenizer = WeightTokenizer(width=self.config.token_width)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    @property
    def evaluations(self) -> int:
        """Number of forward passes through its network for one call (NFE)."""
        return 1

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """Settings to try, asked from an Optuna trial; none by default."""
        return {}

    @abstractmethod
    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Latents, one per network along the first axis, each decided by its own seed alone."""

    def draw_apart(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Latents of networks that are used together: as unlike for one architecture as the family knows to make them.

        Each is distributed as those of ``draw_latent``, but may depend on the ones before it, so that its seed alone
        does not give it again. By default they are those of ``draw_latent``.
        """
        return self.draw_latent(blueprints, seeds)

    @abstractmethod
    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """Weights and connectivity, differentiable where the generator learns by gradient."""

    def forward(self, blueprints: Sequence[Blueprint], latent: Tensor, condition: Condition | None = None) -> Generated:
        """``emit`` for a sequence of blueprints; without ``condition`` everything is dense."""
        layout = self.tokenizer.batch(blueprints).to(self.device)
        condition = condition or Condition.uniform(len(blueprints), device=self.device)
        counts = len(latent), len(condition.density), len(condition.weights)
        if set(counts) != {len(blueprints)}:
            raise WeightloomError(
                f"generator {self.name}: expected {len(blueprints)} latents and conditions, got {counts[0]} latents, "
                f"{counts[1]} densities and {counts[2]} shares of weights; give one of each for every blueprint"
            )
        return self.emit(layout, latent, condition)

    @torch.no_grad()
    def generate(
        self,
        blueprints: Sequence[Blueprint],
        seeds: Sequence[int],
        density: float = 1.0,
        weights: float = 1.0,
        *,
        apart: bool = False,
    ) -> Generated:
        """Networks for ``blueprints``, each from its own seed unless they are drawn ``apart``.

        Args:
            blueprints: one per network.
            seeds: one per network.
            density: share of hidden neurons to keep.
            weights: share of weights to keep non-zero.
            apart: networks of one architecture will be used together, as an ensemble: see ``draw_apart``. What is
                exported with its seed, to be verified by it, must not be drawn so.
        """
        was_training = self.training
        self.eval()
        draw = self.draw_apart if apart else self.draw_latent
        latent = draw(blueprints, seeds).to(self.device)
        condition = Condition.uniform(len(blueprints), density, self.device, weights=weights)
        generated = self(blueprints, latent, condition)
        self.train(was_training)
        return generated


class Fitted(ABC):
    """A generator that is fitted to trained networks in closed form instead of by gradient."""

    @abstractmethod
    def fit(self, training: Collection) -> None:
        """Take what it needs from the training networks of a zoo."""

    @abstractmethod
    def tune(self, blueprints: Sequence[Blueprint], score: Callable[[Generated], Float[Tensor, " networks"]]) -> object:
        """Choose its settings by the validation score of networks generated for ``blueprints``."""


class Denoiser(ABC):
    """A family that learns from trained networks by denoising them."""

    @abstractmethod
    def prepare(self, training: Collection) -> None:
        """Measure what it needs (scales) before learning from these networks."""

    @abstractmethod
    def zoo_loss(
        self,
        networks: Generated,
        condition: Condition,
        generator: torch.Generator,
    ) -> Float[Tensor, " networks"]:
        """Denoising loss of each network; ``generator`` draws noise and times."""


class Decoder(ABC):
    """A family that reads a latent vector, so that it can learn one code for each trained network."""

    latent: int


def standard_normal(shape: Sequence[int], seed: int) -> Tensor:
    """Numbers from N(0, 1) that depend on the seed alone, on every device."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
