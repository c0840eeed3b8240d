"""What every search method owes: the optimum of a small space, no query twice, the same search from the same seed."""

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TinySpace, Wide

from search_spaces import Architecture, WeightloomError
from sweeps.search import METHODS, Candidates, SearchMethod, Trajectory, search_once
from workbench.table_task import TableProblem

NAMES = ("random", "evolution", "local", "tpe", "nsga2", "predictor")
TINY = Candidates(TinySpace(inputs=4, outputs=2))
TOTAL = 6 + 6 * 6
MACRO = Candidates(TableProblem(table="nasbench-macro", space="macro").open()[0])


def method(name: str) -> type[SearchMethod]:
    kind: type[SearchMethod] = METHODS.load(name)
    return kind


def search(name: str, queries: int, seed: int = 0) -> Trajectory:
    return search_once(name, method(name), TINY, Wide(), queries=queries, seed=seed)


def test_every_registered_method_is_tested() -> None:
    assert set(METHODS.names()) == {*NAMES, "gp", "guided", "relaxed"}, "the last two have files of their own"


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_of_a_small_space_is_searched_and_its_optimum_found(name: str) -> None:
    run = search(name, queries=TOTAL + 5)
    assert len(run.keys) == len(set(run.keys)) == TOTAL == TINY.size
    assert max(run.scores) == Wide.best_score
    if name != "predictor":  # which picks by belief
        assert run.final_score == Wide.best_score
    assert len(run.best_so_far(TOTAL + 5)) == TOTAL + 5


@pytest.mark.parametrize("name", ["tpe", "predictor"])
def test_a_guided_method_needs_fewer_queries_than_the_space_has(name: str) -> None:
    found = [search(name, queries=18, seed=seed).final_score for seed in range(5)]
    luck = [search("random", queries=18, seed=seed).final_score for seed in range(5)]
    assert np.mean(found) > np.mean(luck)


@pytest.mark.parametrize("name", ["evolution", "local"])
def test_a_climber_is_above_random_search(name: str) -> None:
    _, task = TableProblem(table="nasbench-macro", space="macro").open()

    def mean(of: str) -> float:
        runs = [search_once(of, method(of), MACRO, task, queries=80, seed=seed) for seed in range(6)]
        return float(np.mean([run.final_score for run in runs]))

    assert mean(name) > mean("random")


def test_predictor_finds_the_optimum_in_under_half_of_the_space() -> None:
    found = [search("predictor", queries=16, seed=seed).final_score for seed in range(3)]
    assert found.count(Wide.best_score) == 3


@pytest.mark.parametrize("name", ["gp"])
def test_optunas_gaussian_process(name: str) -> None:
    run = search(name, queries=15)
    assert len(set(run.keys)) == 15
    with pytest.raises(WeightloomError, match="at most 200 queries"):
        method(name)(TINY, queries=201, seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_no_architecture_is_asked_twice_where_genomes_coincide(name: str) -> None:
    """Half of macro's genomes have a twin: identities may stand anywhere among equal blocks."""
    _, task = TableProblem(table="nasbench-macro", space="macro").open()
    run = search_once(name, method(name), MACRO, task, queries=15, seed=3)
    assert len(run.keys) == len(set(run.keys)) == 15


_SPAWNED = """
import json, sys
sys.path.insert(0, {path!r})
from test_search_methods import NAMES, search
print(json.dumps([[name, search(name, queries=14, seed=4).keys] for name in NAMES]))
"""


def test_the_same_seed_gives_the_same_search_in_another_process() -> None:
    code = _SPAWNED.format(path=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    own = [[name, list(search(name, queries=14, seed=4).keys)] for name in NAMES]
    assert json.loads(done.stdout) == own
    assert all(search(name, queries=14, seed=5).keys != tuple(keys) for name, keys in own)


@given(st.lists(st.one_of(st.floats(-100, 100), st.just(math.nan)), min_size=1, max_size=30), st.integers(1, 40))
def test_best_so_far_never_falls(scores: list[float], queries: int) -> None:
    run = Trajectory(
        method="x",
        seed=0,
        keys=tuple(map(str, range(len(scores)))),
        scores=tuple(scores),
        pick=0,
        architecture=TINY.architecture(TINY.sample(np.random.default_rng(0))),
        final_score=0.0,
        seconds=0.0,
        elapsed=tuple(map(float, range(len(scores)))),
    )
    curve = run.best_so_far(queries)
    assert len(curve) == queries
    assert all(a <= b for a, b in itertools.pairwise(curve))
    finite = [score for score in scores[:queries] if not math.isnan(score)]
    assert curve[-1] == (max(finite) if finite else -math.inf)


class Failing(Wide):
    """Deep networks fail."""

    def score(self, architecture: Architecture) -> float:
        return math.nan if dict(architecture.genome)["depth"] == 2 else super().score(architecture)


@pytest.mark.parametrize("name", NAMES)
def test_failed_evaluations_are_borne_and_never_picked(name: str) -> None:
    run = search_once(name, method(name), TINY, Failing(), queries=20, seed=1)
    assert any(map(math.isnan, run.scores))
    assert not math.isnan(run.scores[run.pick])


def test_calls_out_of_turn_are_refused() -> None:
    searching = method("random")(TINY, queries=3, seed=0)
    with pytest.raises(WeightloomError, match="nothing to pick from"):
        searching.pick()
    with pytest.raises(WeightloomError, match="tell was called without ask"):
        searching.tell(1.0)
    searching.ask()
    with pytest.raises(WeightloomError, match="ask was called twice"):
        searching.ask()
    with pytest.raises(WeightloomError, match="queries: expected an integer of at least 1, got 0"):
        method("random")(TINY, queries=0, seed=0)
