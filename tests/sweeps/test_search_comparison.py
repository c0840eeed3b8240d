"""Comparisons: figures that do not depend on the number of processes, and records made from them."""

import dataclasses
import math

import pytest
from tiny import TinySpace, Wide

from search_spaces import Architecture, SearchSpace, UnknownName, WeightloomError
from sweeps.search.comparison import Labels, run_all, summarise
from workbench.search_summary import SearchSummary, sentences
from workbench.table_task import TableProblem

PROBLEM = TableProblem(table="nasbench-macro", space="macro")
LABELS = Labels(problem="table x", space="macro", query="a", final="b", command="weightloom search")


@dataclasses.dataclass(frozen=True)
class Tiny:
    """A problem of a user's own."""

    def open(self) -> tuple[SearchSpace, Wide]:
        return TinySpace(inputs=4, outputs=2), Wide()


def test_figures_do_not_depend_on_the_number_of_processes() -> None:
    found = [run_all(PROBLEM, ("local", "predictor"), queries=13, seeds=7, processes=processes) for processes in (1, 2)]
    for name in ("local", "predictor"):
        one, two = ([dataclasses.replace(run, seconds=0.0, elapsed=()) for run in runs[name]] for runs in found)
        assert [run.seed for run in one] == list(range(7))
        assert one == two


def test_record_of_a_comparison() -> None:
    runs = run_all(Tiny(), ("random", "local"), queries=15, seeds=10)
    summary = summarise(runs, Wide(), queries=15, reference="random", labels=LABELS)
    assert SearchSummary.model_validate(summary.model_dump(by_alias=True)) == summary
    local, random = summary.methods["local"], summary.methods["random"]
    for method in (local, random):
        means = [point.mean for point in method.curve]
        assert means == sorted(means)
        assert all(point.low <= point.mean <= point.high for point in method.curve)
        assert [point.query for point in method.curve] == list(range(1, 16))
        assert method.regret is not None
        assert method.regret.mean == pytest.approx(42.0 - method.final.mean)
        assert method.found == pytest.approx(sum(pick.final == 42.0 for pick in method.picks) / 10)
    assert random.difference is None
    assert local.difference is not None
    assert local.difference.mean == pytest.approx(local.final.mean - random.final.mean)
    assert len(sentences(summary)) == 1


def test_a_difference_is_claimed_only_where_its_interval_excludes_zero() -> None:
    runs = run_all(Tiny(), ("random",), queries=5, seeds=6)
    runs["same"] = runs["random"]
    runs["better"] = [dataclasses.replace(run, final_score=run.final_score + 1) for run in runs["random"]]
    summary = summarise(runs, Wide(), queries=5, reference="random", labels=LABELS)
    assert not summary.methods["same"].claimed
    assert summary.methods["better"].claimed
    same, better = sentences(summary)
    assert "same is not told apart from random" in same
    assert "better is above random: +1.000" in better


class Unknown(Wide):
    """The optimum is not known, and the first queries fail."""

    best_score = None
    best_final_score = None

    def score(self, architecture: Architecture) -> float:
        return math.nan if dict(architecture.genome)["width_1"] < 16 else super().score(architecture)


def test_without_a_known_optimum_there_is_no_regret() -> None:
    from sweeps.search import METHODS, Candidates, search_once

    candidates = Candidates(TinySpace(inputs=4, outputs=2))
    kind = METHODS.load("random")
    runs = {"random": [search_once("random", kind, candidates, Unknown(), queries=15, seed=seed) for seed in range(4)]}
    summary = summarise(runs, Unknown(), queries=15, reference="random", labels=LABELS)
    method = summary.methods["random"]
    assert method.regret is method.found is None
    assert 1 < method.curve[0].query < 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": 0}, "queries: expected an integer of at least 1, got 0"),
        ({"seeds": 0}, "seeds: expected"),
        ({"processes": 0}, "processes: expected"),
        ({"methods": ()}, "one or more different ones, got none"),
        ({"methods": ("local", "local")}, "got local, local"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    settings = {"methods": ("local",), "queries": 2, "seeds": 1, "processes": 1} | change
    with pytest.raises(WeightloomError, match=message):
        run_all(PROBLEM, settings.pop("methods"), **settings)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        run_all(PROBLEM, ("locl",), queries=2, seeds=1)
