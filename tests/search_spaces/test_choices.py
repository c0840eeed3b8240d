"""Trees of choices, and the space of multilayer perceptrons."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search_spaces import Choice, Grown, MLPSpace, Product, Switch, Tree, UnknownName, WeightloomError, choices

TREE = Product(
    (
        Choice("colour", ("red", "green", "blue")),
        Switch(
            "kind",
            (
                ("plain", Product(())),
                ("deep", Product((Choice("size", (1, 2, 3)), Choice("flag", (False, True))))),
                ("nested", Switch("inner", ((1, Choice("size", (1, 2, 3))), (2, Product(()))))),
            ),
        ),
    )
)


def test_size_by_hand() -> None:
    assert choices.size(TREE) == 3 * (1 + 3 * 2 + (3 + 1))


def test_every_choice_once() -> None:
    assert [c.name for c in choices.all_choices(TREE)] == ["colour", "kind", "size", "flag", "inner"]
    assert [c.name for c in choices.all_choices(Product((TREE, Grown((2, 1), falling, bound))))][5:] == []


@pytest.mark.parametrize("options", [(), (1, 1), ("a", "b", "a")])
def test_options_must_differ(options: tuple[Any, ...]) -> None:
    with pytest.raises(WeightloomError, match="differing options"):
        Choice("x", options)
    with pytest.raises(WeightloomError, match="differing options"):
        Switch("x", tuple((value, Product(())) for value in options))


def test_validate() -> None:
    good = {"colour": "red", "kind": "deep", "size": 2, "flag": True}
    assert choices.validate(TREE, good) == good
    # 2.0 is 2 and comes back as 2, but True is not 1
    assert repr(choices.validate(TREE, good | {"size": 2.0})["size"]) == "2"
    for change, message in (
        ({"size": True}, "size = True is not allowed"),
        ({"flag": 1}, "flag = 1 is not allowed"),
        ({"size": "2"}, "size = '2' is not allowed; allowed are"),
        ({"kind": "plain"}, "unknown gene 'size'"),
        ({"kind": "nested"}, "'inner' is missing"),
        ({"colours": "red"}, "Did you mean 'colour'"),
    ):
        with pytest.raises(WeightloomError, match=message):
            choices.validate(TREE, good | change)


def test_mutation_of_a_switch_keeps_what_both_branches_have() -> None:
    genome = {"colour": "red", "kind": "deep", "size": 3, "flag": True}
    picks = iter(["kind", "nested", 1])
    mutant = choices.mutate(TREE, genome, lambda choice: next(picks))
    assert mutant == {"colour": "red", "kind": "nested", "inner": 1, "size": 3}


def test_mutation_where_nothing_can_change() -> None:
    assert choices.mutate(Choice("only", (1,)), {"only": 1}, lambda choice: 1) == {"only": 1}


def test_neighbours_by_hand() -> None:
    genome = {"colour": "red", "kind": "plain"}
    assert list(choices.neighbours(TREE, genome)) == [
        {"colour": "green", "kind": "plain"},
        {"colour": "blue", "kind": "plain"},
        {"colour": "red", "kind": "deep", "size": 1, "flag": False},
        {"colour": "red", "kind": "nested", "inner": 1, "size": 1},
    ]


def test_a_name_may_have_other_options_in_another_branch() -> None:
    tree = Switch("kind", (("a", Choice("size", (1, 2))), ("b", Choice("size", (7, 8, 9)))))
    found = list(choices.neighbours(tree, {"kind": "b", "size": 8}))
    assert found == [{"kind": "a", "size": 1}, {"kind": "b", "size": 7}, {"kind": "b", "size": 9}]
    picks = iter(["size", 9])
    assert choices.mutate(tree, {"kind": "b", "size": 8}, lambda choice: next(picks)) == {"kind": "b", "size": 9}


def test_crossover_takes_genes_from_parents() -> None:
    first = {"colour": "red", "kind": "deep", "size": 3, "flag": True}
    second = {"colour": "blue", "kind": "nested", "inner": 2}
    met: dict[str, tuple[Any, ...]] = {}

    def pick(choice: Choice) -> Any:
        met[choice.name] = choice.options
        return choice.options[0]

    assert choices.crossover(TREE, first, second, pick) == first
    assert met == {"colour": ("red", "blue"), "kind": ("deep", "nested"), "size": (3,), "flag": (True,)}


def falling(state: tuple[int, int]) -> Tree:
    """Words of at most so many numbers, none larger than the one before."""
    left, largest = state
    if not left:
        return Product(())
    values = tuple((v, Grown((left - 1, v), falling, bound)) for v in range(largest + 1))
    return Switch(f"place_{left}@{largest}", values)


def bound(state: tuple[int, int]) -> int:
    left, largest = state
    return (largest + 1) ** left


def test_grown_trees_are_counted_exactly() -> None:
    # falling words of length 3 over 0..2: multisets, 5 choose 3
    tree = Grown((3, 2), falling, bound)
    assert choices.exact_size(tree) == choices.size(tree) == 10
    # 20 places of up to 21 numbers: shared states make it countable at once, though no one could list them
    assert choices.exact_size(Grown((20, 20), falling, bound)) == math.comb(40, 20)


def test_grown_trees_that_are_too_many_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "COUNTED", 100)

    def split(path: tuple[int, ...]) -> Tree:
        branches = tuple((v, Grown((*path, v), split, most)) for v in range(3))
        return Switch(f"at_{len(path)}", branches) if len(path) < 20 else Product(())

    def most(path: tuple[int, ...]) -> int:
        return 4 ** (20 - len(path))

    tree = Product((Choice("colour", ("red", "green")), Grown((), split, most)))
    assert choices.exact_size(tree) is None
    assert choices.size(tree) == 2 * 4**20


def test_grown_trees_are_walked_like_others() -> None:
    tree = Product((Choice("colour", ("red", "green")), Grown((2, 1), falling, bound)))
    genome = {"colour": "red", "place_2@1": 1, "place_1@1": 1}
    assert choices.validate(tree, genome) == genome
    with pytest.raises(WeightloomError, match="place_1@1' is missing; allowed are"):
        choices.validate(tree, {"colour": "red", "place_2@1": 1})
    with pytest.raises(UnknownName, match="place_1@0"):
        choices.validate(tree, {**genome, "place_1@0": 0})
    assert list(choices.neighbours(tree, genome)) == [
        {"colour": "green", "place_2@1": 1, "place_1@1": 1},
        {"colour": "red", "place_2@1": 0, "place_1@0": 0},
        {"colour": "red", "place_2@1": 1, "place_1@1": 0},
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": 0}, "inputs must be an integer of at least 1"),
        ({"outputs": True}, "outputs must be"),
        ({"depths": (-1,)}, "depths must be integers of at least 0"),
        ({"depths": ()}, "differing options"),
        ({"widths": (0, 4)}, "widths must be integers of at least 1"),
        ({"widths": (4, 4)}, "differing options"),
        ({"activations": ("relo",)}, "Did you mean 'relu'"),
    ],
)
def test_mlp_space_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightloomError, match=message):
        MLPSpace(**({"inputs": 3, "outputs": 2} | change)).sample(np.random.default_rng(0))


def test_mlp_space_takes_lists_as_files_have_them() -> None:
    from_lists = MLPSpace(inputs=3, outputs=2, depths=[1, 2], widths=[4, 8])
    assert from_lists.size == MLPSpace(inputs=3, outputs=2, depths=(1, 2), widths=(4, 8)).size
    with pytest.raises(UnknownName):
        from_lists.from_genome({"norm": "none", "depth": 1, "width_1": 4, "activation_1": "relu", "skip": True})


def test_distinct_samples() -> None:
    space = MLPSpace(inputs=3, outputs=2, depths=(1,), widths=(4, 8), activations=("relu", "tanh"))
    rng = np.random.default_rng(0)
    some = space.sample_distinct(5, rng)
    assert len({a.key for a in some}) == 5
    rest = space.sample_distinct(3, rng, exclude=frozenset(a.key for a in some))
    assert len({a.key for a in (*some, *rest)}) == 8
    with pytest.raises(WeightloomError, match="only 8 of 9 distinct"):
        space.sample_distinct(9, rng)


def draw(make: Callable[[np.random.Generator], Any]) -> list[Any]:
    return [make(np.random.default_rng(seed)) for seed in range(5)]


def test_the_same_seed_gives_the_same() -> None:
    space = MLPSpace(inputs=3, outputs=2)
    a, b = space.sample(np.random.default_rng(8)), space.sample(np.random.default_rng(9))
    for way in (
        lambda rng: space.mutate(a, rng),
        lambda rng: space.crossover(a, b, rng),
        lambda rng: space.sample_distinct(3, rng),
    ):
        assert draw(way) == draw(way)
