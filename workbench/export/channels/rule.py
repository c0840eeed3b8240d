"""What is known of channels, and what each operation has to tell about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from search_spaces import Node
from search_spaces.layers import ACTIVATION_FUNCTIONS, NORM_EPS
from search_spaces.operations import Shape

# dimension names: channels = of one value, rows = output channels of a layer, columns = input channels


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a value before anybody has seen an input.

    Attributes:
        constant: the channel is the same for every input and at every position.
        value: what it is then; 0 for the others.
    """

    constant: Bool[Tensor, " channels"]
    value: Float[Tensor, " channels"]

    @classmethod
    def where(cls, constant: Tensor, value: Tensor) -> Known:
        """With 0 for channels that are not constant."""
        return cls(constant, torch.where(constant, value, 0.0))

    @classmethod
    def zeros(cls, channels: int) -> Known:
        """All 0."""
        return cls(torch.ones(channels, dtype=torch.bool), torch.zeros(channels, dtype=torch.float64))

    @property
    def moving(self) -> Bool[Tensor, " channels"]:
        """Not constant."""
        return ~self.constant

    @property
    def felt(self) -> Bool[Tensor, " channels"]:
        """Not constantly zero."""
        return ~self.constant | (self.value != 0)


def added(parts: Sequence[Known]) -> Known:
    """The sum."""
    if len(parts) == 1:
        return parts[0]
    constant = torch.stack([part.constant for part in parts]).all(0)
    return Known.where(constant, torch.stack([part.value for part in parts]).sum(0))


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a reader needs of a value.

    Attributes:
        moving: channels it needs if they are not constant; constants it adds to its bias, or passes on.
        full: channels it needs with their constants.
    """

    moving: Bool[Tensor, " channels"]
    full: Bool[Tensor, " channels"]

    def of(self, known: Known) -> Bool[Tensor, " channels"]:
        """Which channels then have to be there."""
        return (self.moving & known.moving) | (self.full & known.felt)


@dataclass(frozen=True, eq=False)
class Part:
    """One input of a node in the smaller network.

    Attributes:
        known: of it.
        here: channels that are there; the others are constant, or nobody reads them.
        missing: what has to be added to what is there; for a channel that is not there its constant.
    """

    known: Known
    here: Bool[Tensor, " channels"]
    missing: Float[Tensor, " channels"]


@dataclass(frozen=True, eq=False)
class Site:
    """A node of one network.

    Attributes:
        node: which.
        shape, out: of its first input and its output.
        state: its tensors by their names within the node, double precision.
        is_open: its open neurons; None if none is closed.
    """

    node: Node
    shape: Shape
    out: Shape
    state: Mapping[str, Tensor]
    is_open: Bool[Tensor, " rows"] | None

    @property
    def opened(self) -> Bool[Tensor, " rows"]:
        """Open neurons or channels of the output."""
        return torch.ones(self.out[0], dtype=torch.bool) if self.is_open is None else self.is_open


@dataclass(frozen=True, eq=False)
class Small:
    """What is left of a node.

    Attributes:
        node: with its new choices.
        takes: per input the channel of it at each place that the node reads, −1 for zeros.
        missing: see `Part`, of the output's channels that are kept; None for zeros.
        state: the tensors.
        is_open: which of the kept channels are open; None for all.
    """

    node: Node
    takes: list[list[int]]
    state: Mapping[str, Tensor] = field(default_factory=dict)
    missing: Float[Tensor, " channels"] | None = None
    is_open: Bool[Tensor, " kept"] | None = None


class Rule(ABC):
    """What one operation does to channels; a node's inputs come as its wires bring them, closed ones as zeros."""

    adds: bool = False
    """Whether inputs are added up before anything else, so that one that brings nothing can be left out."""

    @abstractmethod
    def settle(self, site: Site, inputs: Sequence[Known]) -> Known:
        """What is known of the output."""

    def whole(self, site: Site, kept: Bool[Tensor, " channels"], inputs: Sequence[Known]) -> Bool[Tensor, " channels"]:
        """The channels that have to stay if ``kept``, one or more, stay."""
        return kept

    @abstractmethod
    def wants(
        self, site: Site, kept: Bool[Tensor, " channels"], full: Bool[Tensor, " channels"], inputs: Sequence[Known]
    ) -> list[Wanted]:
        """What is needed of each input so that ``kept`` can be computed, with constants those of ``full``."""

    @abstractmethod
    def shrink(self, site: Site, kept: Bool[Tensor, " channels"], parts: Sequence[Part]) -> Small:
        """The node with ``kept`` channels only."""


def brought(part: Part, wanted: Bool[Tensor, " channels"], constants: bool) -> tuple[Tensor, Tensor]:
    """Which of the wanted channels the part brings, and what is to be added to all its channels.

    Args:
        part: an input.
        wanted: by the reader.
        constants: whether constants that are there are read; otherwise the reader adds them itself.
    """
    passes = wanted & part.here & (part.known.felt if constants else part.known.moving)
    return passes, torch.where(passes, part.missing, part.known.value)


def places(passes: Bool[Tensor, " channels"], columns: Sequence[int]) -> list[int]:
    """The columns that pass, −1 for the others."""
    flags = passes.tolist()
    return [j if flags[j] else -1 for j in columns]


def listed(flags: Bool[Tensor, " channels"]) -> list[int]:
    """Places of those that are set."""
    return torch.nonzero(flags).flatten().tolist()


def after_layer(site: Site, norm: str, before: Known, activation: str) -> Known:
    """What is known behind norm, activation and mask of a layer.

    A norm mixes its channels, so they stand still all together, or where nothing of it comes through.
    """
    known = normalised(norm, before, site.opened, site.state) if norm != "none" else before
    is_open = site.opened
    value = ACTIVATION_FUNCTIONS[activation](known.value)
    return Known.where(known.constant | ~is_open, torch.where(is_open, value, 0.0))


def normalised(kind: str, before: Known, is_open: Tensor, state: Mapping[str, Tensor]) -> Known:
    """What is known behind a norm over the open channels, with tensors ``norm.weight`` and ``norm.bias``."""
    scale = state["norm.weight"]
    shift = state.get("norm.bias", torch.zeros_like(scale))
    count = is_open.sum().clamp_min(1)
    together = bool((before.constant | ~is_open).all()) or (kind == "layer" and int(count) == 1)  # its own mean
    value = before.value * is_open
    centred = value if kind == "rms" else (value - value.sum() / count) * is_open
    normal = centred * torch.rsqrt(centred.square().sum() / count + NORM_EPS)
    still = torch.full_like(before.constant, together)
    return Known.where(still | (scale == 0), (normal if together else 0.0) * scale + shift)
