"""Rules: what they mean by hand, that they are kept whatever is drawn, and that what can be kept is found."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import SPACES, Architecture, MLPSpace, SearchSpace, UnknownName, WeightloomError, choices
from search_spaces.assembled import AssembledSpace
from search_spaces.assembly import Assembly
from search_spaces.dag import DagSpace
from search_spaces.operations import flops, parameters, shapes
from search_spaces.rules import Emission, Forbidden, Rules, emission, sample_within, violations
from search_spaces.rules.standing import Standing

SMALL = MLPSpace(inputs=5, outputs=3, depths=(0, 1, 2), widths=(2, 4), activations=("relu",), norms=("none",))
STATED = (
    {"forbid": "attention before stage 2", "max_depth": 8},
    {"forbid": ["pool", "squeeze_excite before depth 4"], "min_depth": 3},
    {"contain": "pool", "max_parameters": 9000},
    {"end_in": "conv", "max_flops": 3e5},
)


@cache
def opened(name: str) -> SearchSpace:
    shape = (8, 8) if SPACES.load(name).ranks == (2,) else (1, 8, 8)
    fewer = {"nodes": (2, 3, 4)} if name == "dag" else {}
    return SPACES.load(name)(inputs=64, outputs=4, shape=shape, **fewer)


def chain(*operations: tuple[str, dict[str, Any]]) -> Architecture:
    """An image of 8 x 8, operations one behind the other, the mean and a classifier."""
    graph = Assembly((1, 8, 8))
    value = "input"
    for i, (operation, settings_) in enumerate(operations):
        value = graph.add(f"node{i}", operation, value, **settings_)
    value = graph.add("mean", "global_pool", value, kind="avg")
    graph.add("output", "dense", value, activation="none", norm="none", width=3)
    return graph.finish("hand", {})


def conv(stride: int = 1) -> tuple[str, dict[str, Any]]:
    own = {"channels": 2, "kernel": 3, "groups": 1, "norm": "none", "activation": "relu", "stride": stride}
    return "conv", own


ATTENTION = ("attention", {"heads": 1, "kind": "full"})
POOL = ("pool", {"kernel": 2, "kind": "max", "stride": 2})


@pytest.mark.parametrize(
    ("stated", "broken"),
    [
        ({}, 0),
        ({"forbid": "attention"}, 1),
        ({"forbid": "recurrent"}, 0),
        ({"forbid": "attention before stage 2"}, 0),  # it reads what a stride of 2 left
        ({"forbid": "attention before stage 3"}, 1),
        ({"forbid": "pool before stage 3"}, 1),  # it works in stage 2 and begins stage 3
        ({"forbid": "attention before depth 2"}, 0),
        ({"forbid": "attention before depth 3"}, 1),
        ({"max_depth": 4}, 0),  # convolution, attention, pool, classifier
        ({"max_depth": 3}, 1),
        ({"min_depth": 4}, 0),
        ({"min_depth": 5}, 1),
        ({"end_in": "pool"}, 0),
        ({"end_in": "global_pool"}, 0),
        ({"end_in": "attention"}, 1),
        ({"contain": ["pool", "conv"]}, 0),
        ({"contain": ["pool", "recurrent", "squeeze_excite"]}, 2),
        ({"max_flops": 1, "max_parameters": 1}, 2),
    ],
)
def test_what_rules_mean(stated: dict[str, Any], broken: int) -> None:
    one, rules = chain(conv(stride=2), ATTENTION, POOL), Rules.of(stated)
    assert len(violations(one, rules)) == broken
    assert (Standing(one.nodes, one.edges, shapes(one)).distance(rules) > 0) == bool(broken)


def test_budgets_are_kept_to_the_last_one() -> None:
    one = chain(conv())
    for rule, got in (("max_flops", flops(one)), ("max_parameters", parameters(one))):
        assert not violations(one, Rules.of({rule: got}))
        assert violations(one, Rules.of({rule: got - 1})) == [f"{rule} {got - 1}: it is {got}"]


@pytest.mark.parametrize("name", SPACES.names())
@pytest.mark.parametrize("stated", STATED, ids=str)
def test_enforcement_and_check_agree_on_random_architectures(name: str, stated: dict[str, Any]) -> None:
    rules, rng = Rules.of(stated), np.random.default_rng(0)
    for _ in range(30):
        one = opened(name).sample(rng)
        kept = Standing(one.nodes, one.edges, shapes(one)).distance(rules) == 0
        assert kept == (not violations(one, rules)), one


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        *(("dag", stated) for stated in (*STATED, {"end_in": "pool", "max_flops": 2e5}, {"min_depth": 6})),
        ("conv2d", {"contain": ["pool", "squeeze_excite"], "max_flops": 2e5, "max_depth": 6}),
        ("conv1d", {"forbid": "pool", "max_parameters": 3000}),
        ("transformer", {"max_depth": 5, "max_parameters": 6000}),
        ("macro", {"max_parameters": 20_000, "max_depth": 12}),
        ("cell", {"contain": "pool", "max_depth": 9}),
        ("mlp", {"max_depth": 2, "max_parameters": 1500}),
    ],
    ids=str,
)
def test_drawn_ones_keep_the_rules(name: str, stated: dict[str, Any]) -> None:
    space, rules = opened(name), Rules.of(stated)
    draw = Emission(space, rules).sample
    found = [draw(np.random.default_rng(seed)) for seed in range(3)]
    for one in found:
        space.validate(one)
        assert violations(one, rules) == []
    assert len({one.key for one in found}) >= 2
    # no walk depends on those before it
    assert Emission(space, rules).sample(np.random.default_rng(2)) == found[2]


def test_the_control_breaks_them() -> None:
    rules, rng = Rules.of({"end_in": "pool", "max_flops": 2e5}), np.random.default_rng(0)
    assert sum(not violations(opened("dag").sample(rng), rules) for _ in range(50)) < 5


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "forbid": st.sampled_from(["dense before depth 2", "gated_dense", "dense", "dense before depth 1"]),
            "min_depth": st.integers(1, 4),
            "max_depth": st.integers(1, 4),
            "max_parameters": st.integers(5, 60),
            "max_flops": st.integers(5, 60),
            "contain": st.sampled_from(["dense", "conv"]),
            "end_in": st.sampled_from(["dense", "identity"]),
        },
    )
)
def test_of_a_small_space_one_is_found_exactly_if_there_is_one(stated: dict[str, Any]) -> None:
    try:
        rules = Rules.of(stated)
    except WeightloomError:
        assert stated["min_depth"] > stated["max_depth"]
        return
    keeping = {one.key for one in map(SMALL.from_genome, choices.genomes(SMALL.tree)) if not violations(one, rules)}
    draw, rng = Emission(SMALL, rules).sample, np.random.default_rng(0)
    if keeping:
        assert {draw(rng).key for _ in range(5)} <= keeping
    else:
        with pytest.raises(WeightloomError, match="there is none; loosen one of the rules"):
            draw(rng)


def test_every_architecture_that_keeps_them_can_come() -> None:
    rules = Rules.of({"max_parameters": 45, "min_depth": 2})
    keeping = {one.key for one in map(SMALL.from_genome, choices.genomes(SMALL.tree)) if not violations(one, rules)}
    rng = np.random.default_rng(0)
    assert {sample_within(SMALL, rules, rng).key for _ in range(300)} == keeping


def test_without_rules_the_draw_is_that_of_the_space() -> None:
    for name in ("dag", "mlp"):
        space = opened(name)
        one = sample_within(space, Rules(), np.random.default_rng(3))
        assert one == space.sample(np.random.default_rng(3))


def test_rules_of_a_space_that_is_no_assembly() -> None:
    class Own(SearchSpace):
        name = "mlp"
        tree = SMALL.tree

        def compose(self, genome: Any) -> Architecture:
            return SMALL.compose(genome)

    rules = Rules.of({"max_depth": 1})
    assert not isinstance(Own(inputs=5, outputs=3), AssembledSpace)
    one = sample_within(Own(inputs=5, outputs=3), rules, np.random.default_rng(0))
    assert dict(one.genome)["depth"] == 0


def test_what_cannot_be_kept_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("STARTS", "FIRST_STEPS", "FIRST_DEAD_ENDS"):  # so many tries take seconds
        monkeypatch.setattr(emission, limit, 4)
    with pytest.raises(WeightloomError, match=r"space dag that keeps contain: recurrent; found none in [\d,]+ tries"):
        sample_within(
            DagSpace(inputs=64, shape=(1, 8, 8), nodes=(1,)),
            Rules.of({"contain": "recurrent"}),
            np.random.default_rng(0),
        )


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"max_dept": 3}, UnknownName, "unknown rule 'max_dept'. Did you mean 'max_depth'"),
        ({"forbid": "atention"}, UnknownName, "Did you mean 'attention'"),
        ({"contain": "pol"}, UnknownName, "Did you mean 'pool'"),
        ({"end_in": "mean"}, UnknownName, "operation in rule 'end_in'"),
        ({"forbid": "attention before layer 2"}, UnknownName, "Known: depth, stage"),
        ({"forbid": "attention after stage 2"}, WeightloomError, "such as 'attention before stage 2'"),
        ({"forbid": 3}, WeightloomError, "forbid: expected an operation"),
        ({"end_in": ["pool"]}, WeightloomError, "end_in: expected an operation"),
        ({"max_depth": 0}, WeightloomError, "max_depth: expected an integer of at least 1, got 0"),
        ({"max_flops": 2.5}, WeightloomError, "got 2.5"),
        ({"max_flops": float("nan")}, WeightloomError, "got nan"),
        ({"max_flops": float("inf")}, WeightloomError, "got inf"),
        ({"max_depth": True}, WeightloomError, "got True"),
        ({"min_depth": 4, "max_depth": 3}, WeightloomError, "min_depth of at most max_depth, got 4 and 3"),
        ([1], WeightloomError, "expected rules and their values"),
    ],
)
def test_mistakes_are_named(data: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Rules.of(data)


def test_as_data_and_back() -> None:
    rules = Rules.of({"forbid": ["attention before stage 2", "pool"], "contain": "conv", "max_flops": 1e5})
    assert rules.forbid == (Forbidden("attention", 2, "stage"), Forbidden("pool"))
    assert rules.to_dict() == {
        "forbid": ["attention before stage 2", "pool"],
        "contain": ["conv"],
        "max_flops": 100_000,
    }
    assert Rules.of(rules.to_dict()) == rules
    assert not Rules.of({"max_depth": None})
    assert rules.within(5e4).max_flops == 50_000
    assert rules.within(5e5).max_flops == 100_000
    assert rules.within(None) == rules
    assert math.isclose(Rules().within(7.9).max_flops or 0, 7)
