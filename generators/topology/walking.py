"""Walks under way through a space's tree, and the choices that were made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from search_spaces import Architecture, Choice
from search_spaces.architecture import Value
from search_spaces.rules import Asked, Walk

# dimension names: options of a choice


@dataclass
class Steps:
    """The choices of one emitted architecture, in order.

    Attributes:
        choices: as they were offered.
        allowed: options that were not taken back before the answer.
        taken: the answers.
    """

    choices: list[Choice] = field(default_factory=list)
    allowed: list[tuple[Value, ...]] = field(default_factory=list)
    taken: list[Value] = field(default_factory=list)

    def answer(self, asked: Asked, value: Value) -> None:
        """Add an answer; one to an earlier place forgets all from there on."""
        del self.choices[asked.place :], self.allowed[asked.place :], self.taken[asked.place :]
        self.choices.append(asked.choice)
        self.allowed.append(asked.allowed)
        self.taken.append(value)


class Walking:
    """One walk under way, with the noise that decides it."""

    def __init__(self, walk: Walk, seed: int) -> None:
        self.walk, self.seed = walk, seed
        self.steps = Steps()
        self.asked: Asked | None = None
        self._found: Architecture | None = None
        self._go(None)

    @property
    def now(self) -> Asked:
        """The choice that it has come to."""
        assert self.asked is not None, "the walk has come to its end"
        return self.asked

    def pick(self, logits: Float[np.ndarray, " options"]) -> Value:
        """The allowed option with the greatest logit plus noise; what was taken back leaves the others' as it was."""
        options = self.now.choice.options
        noise = np.random.default_rng([self.seed, self.now.place]).gumbel(size=len(options))
        return options[int(np.argmax(logits[: len(options)] + noise))]

    def answer(self, value: Value) -> None:
        """Go on to the next choice, or the same one again without the option."""
        self.steps.answer(self.now, value)
        self._go(value)

    def found(self) -> Architecture:
        """The outcome of a walk that came to its end."""
        assert self._found is not None
        return self._found

    def _go(self, value: Value | None) -> None:
        try:
            self.asked = next(self.walk) if value is None else self.walk.send(value)
        except StopIteration as end:
            self.asked, self._found = None, end.value
