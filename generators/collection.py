"""Trained networks as a generator sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.generated import Generated, gathered
from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, WeightloomError

# dimension names: networks; stored = networks in the tensors, of which the collection may hold only some; tokens,
# entries, edges as in generators.generated, padded to the longest of those stored

PART = 2**24
"""Bytes of tokens that ``parts`` lays out at a time: some 400 small networks, so that most zoos are a single part."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """Many networks and what they score, of which only those that are selected are laid out in memory.

    The tensors may lie in a file that is mapped (`generators.tensor_files.map_tensors`): then they are read where they
    are looked at, and the system takes the memory back when it needs it. A layout takes twice as much as its tokens,
    and is made for what is selected alone.

    Attributes:
        tokenizer: what the tokens mean.
        blueprints: one per network.
        scores: validation score of each, higher is better.
        tokens, open_neurons, gates: as those of ``Generated``.
        places: of each network in these three.
        device: where selected networks are put.
    """

    tokenizer: WeightTokenizer
    blueprints: tuple[Blueprint, ...]
    scores: Float[Tensor, " networks"]
    tokens: Float[Tensor, "stored tokens entries"]
    open_neurons: Float[Tensor, "stored tokens"]
    gates: Float[Tensor, "stored edges"]
    places: Int[Tensor, " networks"]
    device: torch.device

    def __post_init__(self) -> None:
        stored, tokens, entries = self.tokens.shape
        count = len(self.blueprints)
        if entries != self.tokenizer.entries or tuple(self.open_neurons.shape) != (stored, tokens):
            raise WeightloomError(
                f"collection: expected tokens of {self.tokenizer.entries} entries and as many masks, got "
                f"{tuple(self.tokens.shape)} and {tuple(self.open_neurons.shape)}"
            )
        if len(self.gates) != stored or (len(self.scores), len(self.places)) != (count, count):
            raise WeightloomError(
                f"collection: expected gates of {stored} networks and scores and places of {count}, got "
                f"{len(self.gates)}, {len(self.scores)} and {len(self.places)}"
            )

    @classmethod
    def of(cls, networks: Generated, scores: Float[Tensor, " networks"]) -> Collection:
        """Networks that are in memory."""
        return cls(
            tokenizer=networks.tokenizer,
            blueprints=networks.blueprints,
            scores=scores,
            tokens=networks.tokens,
            open_neurons=networks.open_neurons,
            gates=networks.gates,
            places=torch.arange(len(networks)),
            device=networks.tokens.device,
        )

    def __len__(self) -> int:
        return len(self.blueprints)

    def select(self, indices: Sequence[int]) -> Generated:
        """Some of the networks, in the order asked for, in memory."""
        return gathered(
            self.tokenizer,
            [self.blueprints[i] for i in indices],
            self.places[list(indices)],
            tokens=self.tokens,
            open_neurons=self.open_neurons,
            gates=self.gates,
            device=self.device,
        )

    def rows(
        self, indices: Sequence[int]
    ) -> tuple[
        Float[Tensor, "networks tokens entries"], Float[Tensor, "networks tokens"], Float[Tensor, "networks edges"]
    ]:
        """Tokens, open neurons and gates of some of the networks, without a layout."""
        index = self.places[list(indices)].to(self.tokens.device)
        tokens, neurons, gates = (part[index].to(self.device) for part in (self.tokens, self.open_neurons, self.gates))
        return tokens, neurons, gates

    def parts(self) -> Iterator[Generated]:
        """All networks in order, ``PART`` bytes of tokens at a time."""
        size = max(1, PART // (4 * self.tokens[0].numel()))
        for start in range(0, len(self), size):
            yield self.select(range(start, min(start + size, len(self))))

    def in_memory(self) -> Generated:
        """All networks at once: for the few that are held out, never for those of a whole zoo."""
        return self.select(range(len(self)))

    def some(self, indices: Sequence[int]) -> Collection:
        """A collection of some of the networks; nothing is copied."""
        index = list(indices)
        return replace(
            self,
            blueprints=tuple(self.blueprints[i] for i in index),
            scores=self.scores[index],
            places=self.places[index],
        )

    def to(self, device: torch.device) -> Collection:
        """The same, with selected networks on another device."""
        return self if device == self.device else replace(self, device=device)
