"""Guided search on scores that are known, so that a guide can be right, wrong or ignorant; and its accounts."""

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from tiny import TinySpace, Wide

from search_spaces import Architecture, SearchSpace, WeightloomError
from sweeps.search import METHODS, Candidates, Evaluator, SearchMethod, Trajectory, search_once
from sweeps.search.comparison import run_all
from sweeps.search.guided import Guided
from workbench.table_task import TableProblem, TableTask

TINY = Candidates(TinySpace(inputs=4, outputs=2))
PROBLEM = TableProblem(table="nasbench-macro", space="macro")
SPACE, TABLE = PROBLEM.open()
MACRO = Candidates(SPACE)


@dataclasses.dataclass
class Known:
    """Scores are the true ones times ``sense`` plus noise that belongs to the architecture."""

    truth: Evaluator
    sense: float
    noise: float
    seconds: float = 0.0

    def scores(self, architectures: Sequence[Architecture]) -> np.ndarray:
        return np.array([self.sense * self.truth.score(a) + self.noise * luck(a) for a in architectures])


def luck(architecture: Architecture) -> float:
    return float(np.random.default_rng(zlib.crc32(repr(architecture.genome).encode())).normal())


@dataclasses.dataclass
class Offering:
    """An evaluator with a guide, whose answers cost two seconds each."""

    truth: Evaluator
    sense: float = 1.0
    noise: float = 0.0
    cost: float = 0.0

    @property
    def best_score(self) -> float | None:
        return self.truth.best_score

    @property
    def best_final_score(self) -> float | None:
        return self.truth.best_final_score

    def score(self, architecture: Architecture) -> float:
        return self.truth.score(architecture)

    def final_score(self, architecture: Architecture) -> float:
        return self.truth.final_score(architecture)

    def seconds(self, architecture: Architecture) -> float:
        return 2.0

    def guide(self, seed: int) -> Known:
        return Known(self.truth, self.sense, self.noise, self.cost)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table answers in no time, but the key of a large architecture takes some."""
    monkeypatch.setattr("sweeps.search.guided.DRAWN", 100)


def guided(candidates: Candidates, evaluator: Evaluator, queries: int, seed: int = 0) -> Trajectory:
    return search_once("guided", Guided, candidates, evaluator, queries=queries, seed=seed)


def spread(task: TableTask) -> float:
    rng = np.random.default_rng(0)
    return float(np.std([task.score(MACRO.architecture(MACRO.sample(rng))) for _ in range(100)]))


def test_the_first_queries_go_to_the_best_in_the_order_of_the_guide() -> None:
    scores = guided(TINY, Offering(Wide()), queries=8).scores
    assert scores[0] == Wide.best_score
    assert list(scores) == sorted(scores, reverse=True)


@pytest.mark.usefixtures("few")
def test_a_guide_with_noise_beats_random_search_and_an_ignorant_one() -> None:
    def found(name: str, noise: float) -> float:
        kind: type[SearchMethod] = METHODS.load(name)
        offering = Offering(TABLE, noise=noise)
        runs = [search_once(name, kind, MACRO, offering, queries=11, seed=seed) for seed in range(5)]
        return float(np.mean([max(run.scores) for run in runs]))

    useful = found("guided", 0.5 * spread(TABLE))
    assert useful > found("random", 0.0) + 0.1
    assert useful > found("guided", 1000 * spread(TABLE))


def test_a_guide_that_is_wrong_is_found_out() -> None:
    """The guide puts the worst first; answers revise the order before the space is spent."""
    run = guided(TINY, Offering(Wide(), sense=-1.0), queries=TINY.size)
    assert run.scores[0] == min(run.scores)
    assert run.scores.index(42.0) < TINY.size // 2 + 5
    assert len(set(run.keys)) == TINY.size


@pytest.mark.usefixtures("few")
def test_same_seed_same_search_and_no_key_twice() -> None:
    offering = Offering(TABLE, noise=spread(TABLE))
    one, two, other = (guided(MACRO, offering, queries=12, seed=seed) for seed in (1, 1, 2))
    assert one.keys == two.keys != other.keys
    assert len(set(one.keys)) == 12


def test_every_search_pays_for_its_guide_and_its_answers() -> None:
    run = guided(TINY, Offering(Wide(), cost=100.0), queries=5)
    assert 100 < run.seconds < 130
    assert run.elapsed[0] >= 102
    assert all(after - before >= 2 for before, after in zip(run.elapsed, run.elapsed[1:], strict=False))
    assert run.elapsed[-1] == pytest.approx(run.seconds + 10, abs=5)
    free = search_once("random", METHODS.load("random"), TINY, Wide(), queries=5, seed=0)
    assert free.elapsed[-1] < 5


def test_a_search_ends_when_its_seconds_are_spent() -> None:
    kind: type[SearchMethod] = METHODS.load("random")
    run = search_once("random", kind, TINY, Offering(Wide()), queries=30, seed=0, seconds=7.0)
    assert len(run.scores) == 4
    assert len(search_once("random", kind, TINY, Offering(Wide()), queries=30, seed=0, seconds=0.0).scores) == 1


def test_without_a_guide_it_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(WeightloomError, match="search method guided: expected a task"):
        run_all(PROBLEM, ("random", "guided"), queries=2, seeds=1)
    with pytest.raises(WeightloomError, match="search method guided: expected a task"):
        guided(TINY, Wide(), queries=2)
    with pytest.raises(WeightloomError, match="call follow before ask"):
        Guided(TINY, queries=2, seed=0).ask()


@dataclasses.dataclass(frozen=True)
class Opening:
    """Opened in every process."""

    def open(self) -> tuple[SearchSpace, Offering]:
        return TinySpace(inputs=4, outputs=2), Offering(Wide(), cost=50.0)


def test_over_processes() -> None:
    (run,) = run_all(Opening(), ("guided",), queries=30, seeds=1, seconds=56.0)["guided"]
    assert run.scores[0] == 42.0
    assert len(run.scores) == 3
