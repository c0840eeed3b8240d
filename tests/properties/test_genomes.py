"""Random trees of choices, architectures and hostile documents."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import SPACE, architectures, graphs

from search_spaces import (
    Architecture,
    Blueprint,
    Choice,
    Product,
    Switch,
    Tree,
    WeightloomError,
    choices,
    encode,
)

VALUES = st.lists(st.sampled_from([1, 2, 5, "a", "b", 0.5]), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3, prefix: str = "g") -> Tree:
    """Trees whose names differ everywhere."""
    kind = draw(st.sampled_from(["choice", "product", "switch"])) if depth else "choice"
    if kind == "choice":
        return Choice(prefix, draw(VALUES))
    if kind == "product":
        count = draw(st.integers(0, 3))
        return Product(tuple(draw(trees(depth - 1, f"{prefix}{i}")) for i in range(count)))
    values = draw(VALUES)
    return Switch(prefix, tuple((value, draw(trees(depth - 1, f"{prefix}{i}"))) for i, value in enumerate(values)))


def genomes(tree: Tree) -> Iterator[dict[str, Any]]:
    """All genomes by answering choices in every possible way, with ``walk`` as a black box."""
    agenda: list[list[Any]] = [[]]
    while agenda:
        answers = agenda.pop()
        asked: list[Choice] = []

        def decide(choice: Choice, answers: list[Any] = answers, asked: list[Choice] = asked) -> Any:
            asked.append(choice)
            return answers[len(asked) - 1] if len(asked) <= len(answers) else choice.options[0]

        genome = choices.walk(tree, decide)
        yield genome
        for place in range(len(answers), len(asked)):
            path = [genome[c.name] for c in asked[:place]]
            agenda += [[*path, value] for value in asked[place].options[1:]]


@given(tree=trees())
def test_size_is_the_number_of_genomes(tree: Tree) -> None:
    if choices.size(tree) <= 300:
        listed = {tuple(sorted(genome.items())) for genome in genomes(tree)}
        assert len(listed) == choices.size(tree)
        for genome in listed:
            assert choices.validate(tree, dict(genome)) == dict(genome)


@given(tree=trees(), seed=st.integers(0, 10**6))
def test_operators_stay_in_the_tree(tree: Tree, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def pick(choice: Choice) -> Any:
        return choice.options[int(rng.integers(len(choice.options)))]

    first, second = choices.walk(tree, pick), choices.walk(tree, pick)
    for child in (choices.mutate(tree, first, pick), choices.crossover(tree, first, second, pick)):
        assert choices.validate(tree, child) == child
    near = list(choices.neighbours(tree, first))
    met = choices.taken(tree, first)
    assert len(near) == sum(len(choice.options) - 1 for choice in met.values())
    for genome in near:
        assert choices.validate(tree, genome) == genome
        assert sum(genome[name] != first[name] for name in first.keys() & genome.keys()) == 1
    # what one is a neighbour of is a neighbour of it, up to genes that a branch brings along
    for genome in near:
        if genome.keys() == first.keys():
            assert first in list(choices.neighbours(tree, genome))


@given(architecture=st.one_of(architectures(), graphs()))
def test_json_round_trip(architecture: Architecture) -> None:
    text = architecture.to_json()
    again = Architecture.from_json(text)
    assert again == architecture
    assert again.genome == architecture.genome
    assert again.to_json() == text
    assert again.key == architecture.key
    assert Blueprint.of(again) == Blueprint.of(architecture)
    np.testing.assert_array_equal(encode(again).nodes, encode(architecture).nodes)


@given(architecture=architectures(), seed=st.integers(0, 10**6))
def test_mutants_differ_in_genome_graph_and_key(architecture: Architecture, seed: int) -> None:
    mutant = SPACE.mutate(architecture, np.random.default_rng(seed))
    assert mutant.genome != architecture.genome
    if len(architecture.nodes) > 2:  # without hidden layers the norm says nothing
        assert mutant != architecture
        assert mutant.key != architecture.key
    assert SPACE.from_genome(SPACE.genome(mutant)) == mutant


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["input", "dense", "identity", "output", "main", "skip", "relu", "layer", 2**70, -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from spots(below, (*path, key))


@given(architecture=architectures(), data=st.data())
@settings(max_examples=300)
def test_hostile_documents_give_our_error_or_a_sound_architecture(
    architecture: Architecture, data: st.DataObject
) -> None:
    """One to three places of a good document are replaced or removed; whatever comes, no other exception."""
    document: Any = json.loads(architecture.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(spots(document))))
        value = data.draw(JSON)
        if not path:
            document = value
            continue
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        if data.draw(st.booleans()):
            parent[path[-1]] = value
        else:
            del parent[path[-1]]
    try:
        read = Architecture.from_json(json.dumps(document))
    except WeightloomError:
        return
    assert len(read.key) == 16
    assert Architecture.from_json(read.to_json()) == read
    assert np.isfinite(encode(read).nodes).all()
    str(read)
    for use in (Blueprint.of, SPACE.validate):
        with contextlib.suppress(WeightloomError):
            use(read)


@given(text=st.text(max_size=60) | JSON.map(json.dumps))
def test_hostile_text(text: str) -> None:
    with pytest.raises(WeightloomError, match="architecture"):
        Architecture.from_json(text)
