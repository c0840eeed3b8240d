"""Search by relaxed gates, with gates that are known: what is asked in which order, what is charged and recorded."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tiny import TinySpace, Wide

from search_spaces import SearchSpace, WeightloomError
from search_spaces.architecture import Genome
from sweeps.search import Candidates, Trajectory, search_once
from sweeps.search.comparison import Labels, run_all, summarise
from sweeps.search.relaxed import Relaxed
from workbench.report.search_page import render_search
from workbench.search_summary import Relaxed as Outcome
from workbench.search_summary import sentences
from workbench.table_task import TableProblem

TINY = Candidates(TinySpace(inputs=4, outputs=2))
BEST: Genome = {"width_1": 16, "activation_1": "tanh", "depth": 2, "width_2": 16, "activation_2": "tanh"}
LEAST: Genome = {"width_1": 2, "activation_1": "relu", "depth": 1}
SECOND: Genome = {"width_1": 8, "activation_1": "tanh", "depth": 1}


@dataclasses.dataclass
class Known:
    """Gates that ended at ``discretised`` and learned to draw shallow networks, or the same one ever again."""

    discretised: Sequence[Genome]
    seconds: float = 100.0
    alarm: str | None = None
    stubborn: bool = False
    places: list[int] = dataclasses.field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        return Outcome(relaxed=0.75, discrete=0.5, gap=0.25, regenerated=0.625, certainty=0.9, alarm=self.alarm)

    def sample(self, place: int, rng: np.random.Generator) -> Genome:
        self.places.append(place)
        if self.stubborn:
            return LEAST
        return {"width_1": int(rng.choice([2, 8, 16])), "activation_1": str(rng.choice(["relu", "tanh"])), "depth": 1}


class Offering(Wide):
    """An evaluator whose space is relaxed."""

    def __init__(self, gates: Known) -> None:
        self.gates = gates

    def relaxing(self) -> Callable[[int], Known]:
        return lambda seed: dataclasses.replace(self.gates, alarm=f"collapsed at {seed}" if seed == 1 else None)


def relaxed(gates: Known, queries: int, seed: int = 0) -> Trajectory:
    return search_once("relaxed", Relaxed, TINY, Offering(gates), queries=queries, seed=seed)


def test_first_what_gates_ended_at_in_their_order_then_draws_from_what_they_learned() -> None:
    """The space has 42 genomes, 6 of them shallow; no draw is asked twice, and when all are, others follow."""
    run = relaxed(Known([SECOND, BEST, SECOND]), queries=10)
    assert run.scores[:2] == (13.0, 42.0)
    assert run.pick == 1
    assert len(set(run.keys)) == 10
    shallow = {TINY.key(genes) for genes in TINY.all() if dict(genes)["depth"] == 1}
    assert set(run.keys[2:7]) == shallow - {run.keys[0]}
    assert not set(run.keys[7:]) & shallow
    again, other = relaxed(Known([SECOND, BEST]), queries=10), relaxed(Known([SECOND, BEST]), queries=10, seed=2)
    assert run.keys == again.keys != other.keys


def test_a_draw_that_is_always_the_same_does_not_end_the_search() -> None:
    run = relaxed(Known([LEAST], stubborn=True), queries=TINY.size + 5)
    assert len(set(run.keys)) == len(run.keys) == len({TINY.key(genes) for genes in TINY.all()})


def test_draws_take_turns_over_the_relaxed_networks() -> None:
    method = Relaxed(TINY, queries=5, seed=0)
    gates = Known([LEAST, BEST])
    method.follow(gates)
    for _ in range(5):
        assert method.ask() is not None
        method.tell(0.0)
    assert set(gates.places) == {2, 3, 4}


def test_gates_are_paid_for_and_their_outcome_is_in_record_terminal_and_page() -> None:
    run = relaxed(Known([BEST]), queries=3)
    assert 100 < run.seconds < 130
    assert run.relaxed is not None
    runs = {"relaxed": [run, relaxed(Known([BEST]), queries=3, seed=1)]}
    labels = Labels(problem="p", space="tiny", query="q", final="f", command="c")
    summary = summarise(runs, Wide(), queries=3, reference="relaxed", labels=labels)
    picks = summary.methods["relaxed"].picks
    assert [pick.relaxed.gap for pick in picks if pick.relaxed is not None] == [0.25, 0.25]
    gap, *alarms = sentences(summary)
    assert "scores 0.750 and the discretised one 0.500, a gap of +0.250" in gap
    assert "Alarms of collapse: 1 of 2 seeds" in gap
    assert alarms == ["ALARM, relaxed, seed 1: collapsed at 1."]
    page = render_search(summary)
    assert "a gap of +0.250" in page
    assert "collapsed at 1" in page
    assert type(summary).model_validate(summary.model_dump(by_alias=True)) == summary
    older = summary.model_dump(by_alias=True)
    for pick in older["methods"]["relaxed"]["picks"]:
        del pick["relaxed"]
    assert "gap of" not in " ".join(sentences(type(summary).model_validate(older)))


def test_without_a_relaxation_it_is_refused_before_anything_is_asked() -> None:
    table = TableProblem(table="nasbench-macro", space="macro")
    with pytest.raises(WeightloomError, match="search method relaxed: expected a task"):
        run_all(table, ("random", "relaxed"), queries=2, seeds=1)
    with pytest.raises(WeightloomError, match="only deep ones"):
        run_all(Refusing(), ("random", "relaxed"), queries=2, seeds=1)
    with pytest.raises(WeightloomError, match="call follow before ask"):
        Relaxed(TINY, queries=2, seed=0).ask()


class Unrelaxed(Wide):
    def relaxing(self) -> Callable[[int], Known]:
        raise WeightloomError("only deep ones")


@dataclasses.dataclass(frozen=True)
class Refusing:
    """A problem whose space has no relaxation."""

    def open(self) -> tuple[SearchSpace, Unrelaxed]:
        return TinySpace(inputs=4, outputs=2), Unrelaxed()
