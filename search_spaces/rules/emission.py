"""Walking a space's tree so that what comes out keeps rules: options that cannot lead there are not offered.

A walk asks for one choice after another, whoever answers: a random stream or a network. An option is taken back, and
the choice asked again without it, as soon as the graph so far breaks a rule that nothing can mend (an operation, the
depth, a budget). Rules that only a whole graph can break (what it must contain, what it must end in, how deep it must
be) are looked at in the end; if one is broken the walk starts over, and now an option is kept only if a search finds
a whole architecture behind it. One such completion is always at hand, so no walk ends without an architecture.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from search_spaces import choices
from search_spaces.architecture import Architecture, Value
from search_spaces.assembled import AssembledSpace
from search_spaces.choices import Choice, Decide, Fork, first
from search_spaces.errors import WeightloomError
from search_spaces.operations import shapes
from search_spaces.rules.rules import Rules
from search_spaces.rules.standing import Standing

if TYPE_CHECKING:
    import numpy as np

    from search_spaces.space import SearchSpace

Genes = dict[str, Value]
STEPS, DEAD_ENDS = 12, 12
"""Mutations, and then dead ends, that a search behind one option may take before it is taken back."""
STARTS, FIRST_STEPS, FIRST_DEAD_ENDS = 10, 200, 4000
"""The same for the first architecture of all; where there are fewer ways than that, all are tried."""


@dataclass(frozen=True)
class Asked:
    """A choice to be answered by one of the options that may be taken.

    Attributes:
        choice: with all its options.
        allowed: those that were not taken back, at least one.
        place: how many choices were answered before; a smaller number than the last time starts over.
    """

    choice: Choice
    allowed: tuple[Value, ...]
    place: int


Walk = Generator[Asked, Value, Architecture]
"""Yields what is asked, is sent the answers, and returns the architecture."""


class Emission:
    """Walks through one space under rules.

    Args:
        space: any space. Rules are enforced early where it is an `AssembledSpace`, else when a genome is whole.
        rules: to be kept.
    """

    def __init__(self, space: SearchSpace, rules: Rules) -> None:
        self.space = space
        self.rules = rules

    def walk(self) -> Walk:
        """One walk.

        Raises:
            WeightloomError: no architecture keeps the rules, or none was found.
        """
        hoped, all_answered = yield from self._hoping()
        if all_answered and not self._distance(hoped):
            return self.space.compose(hoped)
        return (yield from self._knowing(hoped))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """An architecture, each choice drawn uniformly from the options that may be taken; raises like ``walk``."""
        walk = self.walk()
        try:
            asked = next(walk)
            while True:
                asked = walk.send(asked.allowed[int(rng.integers(len(asked.allowed)))])
        except StopIteration as end:
            return end.value

    def _hoping(self) -> Generator[Asked, Value, tuple[Genes, bool]]:
        """Look at what is there only; what came of it, and whether every choice had an option left."""
        genes: Genes = {}
        fork = first(self.space.tree)
        while fork is not None:
            allowed = fork.choice.options
            while True:
                if not allowed:
                    return genes, False
                value = yield Asked(fork.choice, allowed, len(genes))
                taken = {**genes, fork.choice.name: value}
                if self._may_begin(taken):
                    break
                allowed = _without(allowed, value)
            genes, fork = taken, fork.after(value)
        return genes, True

    def _knowing(self, hoped: Genes) -> Walk:
        """Look ahead before every step; most of what was hoped for may come after all."""
        complete = self._climbed({}, hoped, Random(str(hoped)), FIRST_STEPS // STARTS) or self._some
        fork, genes = first(self.space.tree), Genes()
        while fork is not None:
            allowed, name = fork.choice.options, fork.choice.name
            while True:
                value = yield Asked(fork.choice, allowed, len(genes))
                taken = {**genes, name: value}
                if value == complete[name]:
                    break
                found = self._completed(fork.after(value), taken, complete)
                if found is not None:
                    complete = found
                    break
                allowed = _without(allowed, value)
            genes, fork = taken, fork.after(value)
        return self.space.compose(genes)

    @cached_property
    def _some(self) -> Genes:
        """A whole genome that keeps the rules, always the same one."""
        fork, left = first(self.space.tree), [FIRST_STEPS]
        found = self._searched(fork, {}, left)
        for attempt in range(STARTS):
            if found is None and left[0] <= 0:
                found = self._climbed({}, {}, Random(attempt), FIRST_STEPS)
        if found is None and left[0] <= 0:
            left = [FIRST_DEAD_ENDS]
            found = self._searched(fork, {}, left)
        if found is None:
            tries = f"{(STARTS + 1) * FIRST_STEPS + FIRST_DEAD_ENDS:,} tries"
            found_none = f"found none in {tries}" if left[0] <= 0 else "there is none"
            raise WeightloomError(
                f"rules: expected an architecture of space {self.space.name} that keeps {self.rules}; {found_none}; "
                "loosen one of the rules"
            )
        return found

    def _completed(self, fork: Fork | None, genes: Genes, near: Genes) -> Genes | None:
        """A whole genome that begins with ``genes`` and keeps the rules, most like another; None if none was found."""
        if not self._may_begin(genes):
            return None
        found = self._climbed(genes, near, Random(str(genes)), STEPS)
        return found or self._searched(fork, genes, [DEAD_ENDS])

    def _climbed(self, held: Genes, near: Genes, random: Random, steps: int) -> Genes | None:
        """Mutate what is not held as long as the architecture does not get farther from keeping the rules."""
        tree, pick = self.space.tree, _picker(random)
        found = choices.repaired(tree, {**near, **held}, pick)
        distance = self._distance(found)
        for _ in range(steps):
            if not distance:
                return found
            other = choices.mutate(tree, found, pick, held)
            if (farther := self._distance(other)) <= distance:
                found, distance = other, farther
        return None if distance else found

    def _searched(self, fork: Fork | None, genes: Genes, left: list[int]) -> Genes | None:
        """Every way from here in order, last choices first, until one keeps the rules or so many dead ends are met."""
        if fork is None and not self._distance(genes):
            return genes
        if fork is None or not self._may_begin(genes):
            left[0] -= 1
            return None
        for value in fork.choice.options:
            found = self._searched(fork.after(value), {**genes, fork.choice.name: value}, left)
            if found is not None or left[0] <= 0:
                return found
        return None

    def _may_begin(self, genes: Genes) -> bool:
        if not self.rules or not isinstance(self.space, AssembledSpace):
            return True
        graph = self.space.begun(genes)
        return Standing(graph.nodes, graph.edges, graph.shapes).may_keep(self.rules)

    def _distance(self, genes: Genes) -> float:
        """Of a whole genome's architecture; 0 if it keeps the rules."""
        if not self.rules:
            return 0.0
        if isinstance(self.space, AssembledSpace):  # the same without the checks that every architecture of it passes
            graph = self.space.begun(genes)
            return Standing(graph.nodes, graph.edges, graph.shapes).distance(self.rules)
        found = self.space.compose(genes)
        return Standing(found.nodes, found.edges, shapes(found)).distance(self.rules)


def sample_within(space: SearchSpace, rules: Rules, rng: np.random.Generator) -> Architecture:
    """An architecture that keeps the rules, each choice drawn uniformly from the options that may be taken.

    Raises:
        WeightloomError: no architecture keeps the rules, or none was found.
    """
    return Emission(space, rules).sample(rng)


def _picker(random: Random) -> Decide:
    return lambda choice: random.choice(choice.options)


def _without(options: tuple[Value, ...], value: Value) -> tuple[Value, ...]:
    return tuple(option for option in options if option != value)
