"""The predictor's parts against brute force, and a control in which there is nothing to learn."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import kendalltau

from search_spaces import Architecture, SearchSpace
from search_spaces.cell import CellSpace
from search_spaces.tables import load_table
from sweeps.search import Candidates, Problem
from sweeps.search.comparison import run_all
from sweeps.search.features import Features, ways
from sweeps.search.gaussian_process import GaussianProcess
from workbench.table_task import TableProblem, TableTask

PROBLEM = TableProblem(table="nasbench201", space="cell")
SPACE, _ = PROBLEM.open()
CELLS = Candidates(SPACE)


class Shuffled:
    """The same scores, dealt to other architectures."""

    def __init__(self, task: TableTask) -> None:
        scores = np.random.default_rng(0).permutation(load_table("nasbench201").column(task.query))
        self._scores = dict(zip(Candidates(task.space).all(), scores.tolist(), strict=True))
        self.best_score = self.best_final_score = task.best_score

    def score(self, architecture: Architecture) -> float:
        return self._scores[architecture.genome]

    def final_score(self, architecture: Architecture) -> float:
        return self.score(architecture)


@dataclass(frozen=True)
class ShuffledProblem:
    """Opened in every process; the dealing is the same."""

    def open(self) -> tuple[SearchSpace, Shuffled]:
        space, task = PROBLEM.open()
        return space, Shuffled(task)


def advantage(problem: Problem) -> float:
    """How much better the best seen by the predictor is than by random search."""
    runs = run_all(problem, ("predictor", "random"), queries=50, seeds=6)
    seen = {name: np.mean([max(run.scores) for run in found]) for name, found in runs.items()}
    return float(seen["predictor"] - seen["random"])


def test_the_advantage_is_lost_on_shuffled_scores() -> None:
    real, control = advantage(PROBLEM), advantage(ShuffledProblem())
    assert real > 0.3
    assert control < 0.5 * real


def by_hand(digits: str) -> set[tuple[str, ...]]:
    """Every way through a cell, step by step; skips leave no mark."""
    edges = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    names = {"2": "conv1", "3": "conv3", "4": "pool"}
    found = set()

    def go(at: int, way: tuple[str, ...]) -> None:
        if at == 3:
            found.add(("in", *way, "out"))
        for (source, target), digit in zip(edges, digits, strict=True):
            if source == at and digit != "0":
                go(target, way + ((names[digit],) if digit != "1" else ()))

    go(0, ())
    return found


@pytest.mark.parametrize("digits", ["333123", "000000", "111111", "421211", "330330", "030303", "304012"])
def test_ways_of_a_cell(digits: str) -> None:
    assert isinstance(SPACE, CellSpace)
    genome = {
        choice.name: choice.options[int(digit)] for choice, digit in zip(SPACE.tree.children, digits, strict=True)
    }

    def short(label: str) -> str:
        if label.startswith("conv("):
            return "conv3" if ",3,group" in label else "conv1"
        return "pool" if label.startswith("pool(") else label

    assert {tuple(map(short, way)) for way in ways(SPACE.core(genome))} == by_hand(digits)


def test_features_are_the_same_for_the_same_space() -> None:
    rng = np.random.default_rng(1)
    some = [CELLS.sample(rng) for _ in range(30)]
    first, second = Features(CELLS).blocks(some), Features(Candidates(SPACE)).blocks(some)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)
    assert first[0].shape == (30, 30)
    assert 30 <= first[1].shape[1] <= 40


def test_posterior_is_the_textbook_one() -> None:
    rng = np.random.default_rng(0)
    seen, asked = rng.normal(size=(12, 3)), rng.normal(size=(5, 3))
    targets = rng.normal(size=12)
    process = GaussianProcess(blocks=1)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        r = np.sqrt(5) * np.linalg.norm(a[:, None] - b[None], axis=-1)
        return (1 + r + r**2 / 3) * np.exp(-r)

    inverse = np.linalg.inv(kernel(seen, seen) + np.exp(-3) * np.eye(12))
    believed = process.posterior([seen], targets, [asked])
    cross = kernel(asked, seen)
    assert believed.mean == pytest.approx(cross @ inverse @ targets)
    assert believed.deviation**2 == pytest.approx(1 - np.einsum("ij,jk,ik->i", cross, inverse, cross))


def test_fit_finds_the_block_that_matters() -> None:
    rng = np.random.default_rng(0)
    useful, useless = rng.normal(size=(80, 2)), rng.normal(size=(80, 2))
    targets = np.sin(useful[:, 0]) + useful[:, 1] / 2
    process = GaussianProcess(blocks=2)
    process.fit([useful[:40], useless[:40]], targets[:40])
    mean = process.posterior([useful[:40], useless[:40]], targets[:40], [useful[40:], useless[40:]]).mean
    assert kendalltau(mean, targets[40:]).statistic > 0.8
