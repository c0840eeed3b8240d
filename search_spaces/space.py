"""A search space: one tree of choices and one way to compose an architecture; the rest is derived."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from search_spaces import choices
from search_spaces.architecture import Architecture, Genome, Value
from search_spaces.choices import Choice, Decide, Tree, Trial
from search_spaces.errors import WeightloomError
from search_spaces.operations import Shape, check, memory, parameters

if TYPE_CHECKING:
    from torch import nn

RANKS = {
    1: ("flat values", "digits without a shape"),
    2: ("sequences (channels, length)", "mnist1d"),
    3: ("images (channels, height, width)", "digits"),
}
"""What examples of so many axes are, and a task that has them."""


MOST_VALUES = 2**40
"""Of one example: more than there are anywhere, and few enough to count with."""


class SearchSpace(ABC):
    """Architectures for data of one shape.

    A subclass says which choices there are (``tree``) and what a genome means (``compose``); everything
    else follows. Instances are immutable and may be shared between threads.

    Args:
        inputs: number of values of one example, flattened.
        outputs: number of classes.
        shape: of one example, channels first: (channels, length) of a sequence, (channels, height, width) of
            an image; flat by default. Its sides multiply up to ``inputs``.

    Class attributes:
        name: as registered.
        ranks: numbers of axes that an example may have.
        max_parameters: larger architectures are not built.

    Attributes:
        settings: arguments that `search_spaces.opening` was told beside these.
    """

    name: ClassVar[str]
    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3)
    max_parameters: ClassVar[int] = 100_000_000
    settings: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, *, inputs: int, outputs: int, shape: Shape | None = None) -> None:
        for what, value in (("inputs", inputs), ("outputs", outputs)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise WeightloomError(f"space {self.name}: {what} must be an integer of at least 1, got {value!r}")
            if value > MOST_VALUES:
                raise WeightloomError(f"space {self.name}: {what} must be at most {MOST_VALUES}, got {value}")
        shape = (inputs,) if shape is None else tuple(shape)
        if any(not isinstance(side, int) or side < 1 for side in shape) or math.prod(shape) != inputs:
            raise WeightloomError(
                f"space {self.name}: the sides of shape must multiply up to inputs ({inputs}), got {shape}"
            )
        if len(shape) not in self.ranks:
            wanted = " or ".join(f"{RANKS[rank][0]} such as task {RANKS[rank][1]}" for rank in self.ranks)
            raise WeightloomError(f"space {self.name}: expected {wanted}, got examples of shape {shape}")
        self.inputs = inputs
        self.outputs = outputs
        self.shape = shape

    @property
    @abstractmethod
    def tree(self) -> Tree:
        """The tree of choices."""

    @abstractmethod
    def compose(self, genome: Genome) -> Architecture:
        """The architecture of a valid genome; must be a pure function of it."""

    @property
    def signature(self) -> str:
        """What else tells the space from others of its name, data and size; it is part of the names of zoos."""
        return ""

    def core(self, genome: Genome) -> Architecture:
        """The part that the choices decide about: the whole, unless a space repeats a motif in a fixed backbone.

        Two genomes whose cores have one key compute the same; predictors read their features off it.
        """
        return self.compose(genome)

    @final
    def from_genome(self, genome: Genome) -> Architecture:
        """The architecture of ``genome`` after checking it; raises ``WeightloomError`` naming the gene."""
        return self.compose(choices.validate(self.tree, genome))

    @final
    def sample(self, rng: np.random.Generator) -> Architecture:
        """An architecture with every choice drawn uniformly (not uniform over architectures)."""
        return self.compose(choices.walk(self.tree, _picker(rng)))

    @final
    def sample_distinct(
        self,
        count: int,
        rng: np.random.Generator,
        exclude: frozenset[str] = frozenset(),
        *,
        draw: Callable[[np.random.Generator], Architecture] | None = None,
    ) -> tuple[Architecture, ...]:
        """``count`` architectures with differing keys.

        Args:
            count: how many.
            rng: that they are drawn by.
            exclude: keys that none of them has.
            draw: draws one, such as `rules.Emission.sample`; by default ``sample``.

        Raises:
            WeightloomError: the space is too small.
        """
        found: dict[str, Architecture] = {}
        for _ in range(200 * count + 1000):
            if len(found) == count:
                return tuple(found.values())
            architecture = (draw or self.sample)(rng)
            if architecture.key not in exclude:
                found.setdefault(architecture.key, architecture)
        size = f"{self.size}" if self.size_is_exact else f"at most {self.size}"
        raise WeightloomError(
            f"space {self.name}: found only {len(found)} of {count} distinct architectures; "
            f"the space has {size} genomes: ask for fewer, widen the space or loosen the rules"
        )

    @final
    def suggest(self, trial: Trial, prefix: str = "") -> Architecture:
        """Ask an Optuna trial; only the branches taken become parameters (a choice always has one name)."""

        def decide(choice: Choice) -> Value:
            return trial.suggest_categorical(prefix + choice.name, choice.options)

        return self.compose(choices.walk(self.tree, decide))

    @final
    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One choice changed at random."""
        return self.compose(choices.mutate(self.tree, self.genome(architecture), _picker(rng)))

    @final
    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        """Each choice from one of two parents."""
        return self.compose(choices.crossover(self.tree, self.genome(first), self.genome(second), _picker(rng)))

    @final
    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every architecture one choice away."""
        for genome in choices.neighbours(self.tree, self.genome(architecture)):
            yield self.compose(genome)

    @final
    @cached_property
    def size(self) -> int:
        """The number of genomes (architectures with equal keys counted apart); see ``size_is_exact``."""
        return choices.size(self.tree)

    @final
    @cached_property
    def size_is_exact(self) -> bool:
        """Whether ``size`` is exact; of a large space whose graphs grow node by node it is an upper bound."""
        return choices.exact_size(self.tree) is not None

    @final
    def genome(self, architecture: Architecture) -> dict[str, Value]:
        """The checked genome of one of this space's architectures."""
        if architecture.space != self.name:
            raise WeightloomError(
                f"space {self.name}: expected one of its architectures, got one of space {architecture.space!r}"
            )
        return choices.validate(self.tree, dict(architecture.genome))

    @final
    def validate(self, architecture: Architecture) -> None:
        """Check that the graph is what its genome composes to and that every operation can be built.

        Raises:
            WeightloomError: naming the gene or node and what would be allowed.
        """
        if self.compose(self.genome(architecture)) != architecture:
            raise WeightloomError(
                f"space {self.name}: the graph of {architecture} does not match its genome; "
                "one of them was altered: build it anew with from_genome"
            )
        check(architecture)

    @final
    def build(self, architecture: Architecture, *, max_bytes: int | None = None) -> nn.Module:
        """A plain PyTorch module with fresh weights.

        Args:
            architecture: one of this space's.
            max_bytes: most memory that parameters and one example's values may take in float32.

        Raises:
            WeightloomError: it is invalid, or larger than ``max_parameters`` or ``max_bytes``; nothing is built.
        """
        from search_spaces.building import network_of

        self.validate(architecture)
        for what, got, most in (
            ("parameters", parameters(architecture), self.max_parameters),
            ("bytes", memory(architecture), max_bytes),
        ):
            if most is not None and got > most:
                raise WeightloomError(
                    f"space {self.name}: expected an architecture of at most {most:,} {what}, got {got:,}; "
                    "choose a smaller one or raise the limit"
                )
        return network_of(architecture)


def _picker(rng: np.random.Generator) -> Decide:
    return lambda choice: choice.options[int(rng.integers(len(choice.options)))]
