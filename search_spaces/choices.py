"""The tree of choices: the one description that everything about a search space is derived from."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from search_spaces.architecture import Genome, Value
from search_spaces.errors import UnknownName, WeightloomError


@runtime_checkable
class Trial(Protocol):
    """The little of an Optuna trial that a space needs."""

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Any:
        """Pick one of ``choices``."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    Attributes:
        name: unique along any path through the tree; the gene's name.
        options: the allowed values, in an order where neighbours are alike.
    """

    name: str
    options: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) != len(self.options):
            raise WeightloomError(
                f"choice {self.name!r}: expected one or more differing options, got {list(self.options)}"
            )


@dataclass(frozen=True)
class Product:
    """All of its children together."""

    children: tuple[Tree, ...]


@dataclass(frozen=True)
class Switch:
    """A choice whose value decides which subtree follows."""

    name: str
    branches: tuple[tuple[Value, Tree], ...]

    def __post_init__(self) -> None:
        _ = self.choice  # checks that the values differ

    @property
    def choice(self) -> Choice:
        """The choice between the branches."""
        return Choice(self.name, tuple(value for value, _ in self.branches))


@dataclass(frozen=True)
class Grown:
    """A subtree that is made when a walk comes to it: what there is to choose depends on what was chosen before.

    So a graph may grow node by node, each choice offering only what fits, although the whole tree would fill
    no memory. It stands in the branches of a `Switch`, whose value its ``state`` takes up.

    Attributes:
        state: all that the subtree depends on; where states are equal, so are subtrees.
        grow: the subtree of a state; a pure function.
        bound: at least the number of genomes of a state's subtree; a pure function, and cheap.
    """

    state: Hashable
    grow: Callable[[Any], Tree]
    bound: Callable[[Any], int]

    @property
    def tree(self) -> Tree:
        """The subtree."""
        return self.grow(self.state)


Tree = Choice | Product | Switch | Grown
Pending = tuple[Tree, Any] | None
"""What a walk has still to go through: the next part, and what is pending behind it, in the same form."""
COUNTED = 10_000
"""A size is counted as long as no more grown subtrees have to be looked at."""
Decide = Callable[[Choice], Value]


@dataclass(frozen=True)
class Fork:
    """Where a walk stands: a choice, and the way on from each of its options. It may be gone on from several times.

    Attributes:
        choice: to be answered.
        branches: what follows first for each answer; empty for a plain choice.
        pending: what follows then.
    """

    choice: Choice
    branches: tuple[tuple[Value, Tree], ...]
    pending: Pending

    def after(self, value: Value) -> Fork | None:
        """The next choice when this one is answered with ``value``; None at the end of the walk."""
        return _next((dict(self.branches)[value], self.pending) if self.branches else self.pending)


def first(tree: Tree) -> Fork | None:
    """The first choice of a walk; None if there is nothing to choose."""
    return _next((tree, None))


def _next(pending: Pending) -> Fork | None:
    while pending is not None:
        part, pending = pending
        if isinstance(part, Choice):
            return Fork(part, (), pending)
        if isinstance(part, Switch):
            return Fork(part.choice, part.branches, pending)
        for child in reversed(part.children) if isinstance(part, Product) else (part.tree,):
            pending = (child, pending)
    return None


def walk(tree: Tree, decide: Decide) -> dict[str, Value]:
    """The genome that results when ``decide`` answers every choice met on the way."""
    genome: dict[str, Value] = {}
    fork = first(tree)
    while fork is not None:
        value = genome[fork.choice.name] = decide(fork.choice)
        fork = fork.after(value)
    return genome


def size(tree: Tree) -> int:
    """The number of genomes, see ``exact_size``; where that is not known, an upper bound."""
    exact = exact_size(tree)
    return _count(tree, lambda grown: grown.bound(grown.state)) if exact is None else exact


def exact_size(tree: Tree) -> int | None:
    """The exact number of genomes; None where more than ``COUNTED`` grown subtrees differ, which takes too long."""
    known: dict[tuple[Callable[[Any], Tree], Hashable], int] = {}
    looked_at = 0

    def below(grown: Grown) -> int:
        nonlocal looked_at
        place = (grown.grow, grown.state)
        if place not in known:
            looked_at += 1
            if looked_at > COUNTED:
                raise _TooManyError
            known[place] = _count(grown.tree, below)
        return known[place]

    try:
        return _count(tree, below)
    except _TooManyError:
        return None


class _TooManyError(Exception):
    """Counting was given up."""


def _count(tree: Tree, below: Callable[[Grown], int]) -> int:
    if isinstance(tree, Choice):
        return len(tree.options)
    if isinstance(tree, Product):
        return math.prod(_count(child, below) for child in tree.children)
    if isinstance(tree, Grown):
        return below(tree)
    return sum(_count(branch, below) for _, branch in tree.branches)


def all_choices(tree: Tree) -> Iterator[Choice]:
    """Every choice of the tree once, in order, whether taken or not; of grown subtrees none, see ``taken``."""
    seen: set[str] = set()

    def visit(part: Tree) -> Iterator[Choice]:
        own = part if isinstance(part, Choice) else part.choice if isinstance(part, Switch) else None
        if own is not None and own.name not in seen:
            seen.add(own.name)
            yield own
        below = part.children if isinstance(part, Product) else ()
        below = tuple(branch for _, branch in part.branches) if isinstance(part, Switch) else below
        for child in below:
            yield from visit(child)

    yield from visit(tree)


def validate(tree: Tree, genome: Genome) -> dict[str, Value]:
    """The genome, checked.

    Raises:
        WeightloomError: a gene is missing, unknown, or has a value that is not among its options.
    """

    def decide(choice: Choice) -> Value:
        if choice.name not in genome:
            raise WeightloomError(f"genome: {choice.name!r} is missing; allowed are {list(choice.options)}")
        value = genome[choice.name]
        for option in choice.options:
            # the option itself, so that 8.0 becomes 8; True is not 1
            if option == value and isinstance(option, bool) == isinstance(value, bool):
                return option
        raise WeightloomError(f"genome: {choice.name} = {value!r} is not allowed; allowed are {list(choice.options)}")

    checked = walk(tree, decide)
    for name in genome:
        if name not in checked:
            raise UnknownName("gene", name, checked)
    return checked


def genomes(tree: Tree) -> Iterator[dict[str, Value]]:
    """Every genome once, in order; see ``size`` for how many."""
    if isinstance(tree, Choice):
        yield from ({tree.name: value} for value in tree.options)
    elif isinstance(tree, Switch):
        for value, branch in tree.branches:
            yield from ({tree.name: value} | rest for rest in genomes(branch))
    elif isinstance(tree, Grown):
        yield from genomes(tree.tree)
    elif not tree.children:
        yield {}
    else:
        for first in genomes(tree.children[0]):
            yield from (first | rest for rest in genomes(Product(tree.children[1:])))


def neighbours(tree: Tree, genome: Genome) -> Iterator[dict[str, Value]]:
    """Every genome that differs by one choice; genes of a newly taken branch start at their first option."""
    for name, choice in taken(tree, genome).items():
        for value in choice.options:
            if value != genome[name]:
                yield repaired(tree, {**genome, name: value}, _first)


def taken(tree: Tree, genome: Genome) -> dict[str, Choice]:
    """The choices met on the way of a valid ``genome``, by name."""
    met: dict[str, Choice] = {}
    fork = first(tree)
    while fork is not None:
        met[fork.choice.name] = fork.choice
        fork = fork.after(genome[fork.choice.name])
    return met


def mutate(tree: Tree, genome: Genome, pick: Decide, held: Container[str] = ()) -> dict[str, Value]:
    """One gene changed to another value, both picked by ``pick``; genes newly needed are picked too, ``held`` stay."""
    met = taken(tree, genome)
    movable = tuple(name for name, choice in met.items() if len(choice.options) > 1 and name not in held)
    if not movable:
        return dict(genome)
    name = str(pick(Choice("gene", movable)))
    others = tuple(value for value in met[name].options if value != genome[name])
    return repaired(tree, {**genome, name: pick(Choice(name, others))}, pick)


def crossover(tree: Tree, first: Genome, second: Genome, pick: Decide) -> dict[str, Value]:
    """Each gene from one of two parents; a gene that only one of them has comes from it."""

    def decide(choice: Choice) -> Value:
        known = tuple(parent[choice.name] for parent in (first, second) if choice.name in parent)
        known = tuple(value for value in known if value in choice.options)
        return pick(Choice(choice.name, tuple(dict.fromkeys(known)) or choice.options))

    return walk(tree, decide)


def repaired(tree: Tree, wanted: Mapping[str, Value], fill: Decide) -> dict[str, Value]:
    """A genome with the wanted genes as far as they are allowed; ``fill`` answers the other choices."""
    return walk(tree, lambda choice: wanted[choice.name] if _is_allowed(choice, wanted) else fill(choice))


def _is_allowed(choice: Choice, wanted: Mapping[str, Value]) -> bool:
    return choice.name in wanted and wanted[choice.name] in choice.options


def _first(choice: Choice) -> Value:
    return choice.options[0]
