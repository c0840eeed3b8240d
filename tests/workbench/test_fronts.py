"""Fronts of accuracy and sparsity against what their definition says, pair by pair."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from example_summary import example_dict, example_summary

from workbench.fronts import Front, front_table, fronts, non_dominated
from workbench.report.fronts import against_sparsity
from workbench.summary import CurvePoint, Summary

numbers = st.integers(0, 6).map(float) | st.floats(-2, 2)


def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a != b


@given(st.lists(st.tuples(numbers, numbers), max_size=20))
def test_the_front_is_what_no_other_point_beats(points: list[tuple[float, float]]) -> None:
    assert non_dominated(points) == [i for i, p in enumerate(points) if not any(beats(q, p) for q in points)]


def pair(point: CurvePoint) -> tuple[float, float]:
    return point.sparsity, point.mean


def of(found: list[Front], generator: str, source: str) -> Front:
    return next(front for front in found if (front.generator, front.source) == (generator, source))


def with_real_score() -> Summary:
    content = example_dict()
    content["generators"]["real"]["metrics"]["score"] = {"mean": 0.97, "low": 0.96, "high": 0.98, "n": 16}
    low = {"source": "generated", "sparsity": 0.4, "mean": 0.3, "low": 0.2, "high": 0.4}
    content["generators"]["diffusion"]["sparsity_curve"].append(low)
    return Summary.model_validate(content)


def test_every_family_has_its_front_beside_pruned_and_dense_real_networks() -> None:
    found = fronts(with_real_score())
    assert {front.kind for front in found} == {"neurons"}
    assert {(f.generator, f.source) for f in found} == {
        *((name, "magnitude") for name in ("mlp", "transformer", "diffusion")),
        *((name, "generated") for name in ("transformer", "diffusion")),
        ("real", "real-magnitude"),
    }
    diffusion = of(found, "diffusion", "generated")
    assert 0.3 in [p.mean for p in diffusion.dominated]
    everything = [p for front in found for p in (*front.points, *front.dominated)]
    for front in found:
        own = [*front.points, *front.dominated]
        assert all(any(beats(pair(q), pair(p)) for q in own) for p in front.dominated)
        for point, best in zip(front.points, front.best, strict=True):
            assert not any(beats(pair(q), pair(point)) for q in own)
            assert best is not any(beats(pair(q), pair(point)) for q in everything)
        assert [p.sparsity for p in front.points] == sorted(p.sparsity for p in front.points)
    dense = of(found, "real", "real-magnitude").points[0]
    assert (dense.sparsity, dense.mean) == (0.0, 0.97)
    assert of(found, "real", "real-magnitude").best[0]


def test_the_terminal_has_a_line_for_each_and_nothing_where_there_is_none() -> None:
    console = Console(width=200, file=io.StringIO())
    table = front_table([with_real_score()])
    assert table is not None
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    real = next(line for line in lines if line.strip().startswith("real"))
    assert "0% 0.970*" in real
    assert sum("as generated" in line for line in lines) == 2
    bare = example_dict()
    for row in bare["generators"].values():
        row["sparsity_curve"] = []
    assert front_table([Summary.model_validate(bare)]) is None


def test_trials_beyond_the_limit_are_drawn_and_on_no_front() -> None:
    content = example_dict()
    content["budget"]["max_active_parameters"] = 5000.0
    for trial in content["trials"]:
        if trial["values"]:
            trial["within"] = trial["values"]["active_parameters"] <= 5000
    figure = against_sparsity(Summary.model_validate(content))
    panel = next(p for p in figure.panels if p.title.startswith("Trials"))
    lines = [trace for trace in panel.spec["data"] if trace["mode"] == "lines"]
    marks = [trace for trace in panel.spec["data"] if trace["mode"] == "markers"]
    assert max(x for trace in lines for x in trace["x"]) <= 5000 < max(x for trace in marks for x in trace["x"])
    assert panel.spec["layout"]["shapes"][0]["x0"] == 5000
    assert "max active parameters 5,000" in figure.read
    free = against_sparsity(example_summary())
    assert "asked for" not in free.read


@pytest.mark.parametrize("same", [True, False])
def test_trials_of_one_size_make_no_plot(same: bool) -> None:
    content = example_dict()
    for trial in content["trials"]:
        if trial["values"] and same:
            trial["values"]["active_parameters"] = 900
    titles = [panel.title for panel in against_sparsity(Summary.model_validate(content)).panels]
    assert any(title.startswith("Trials") for title in titles) is not same
