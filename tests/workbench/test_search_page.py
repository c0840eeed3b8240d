"""The page of a comparison: whole, self-contained, and safe against names."""

import json
import re
from pathlib import Path

import pytest
from offline_runs import read_offline

from workbench.report.search_page import render_search, write_search_page
from workbench.search_summary import CurvePoint, MethodSummary, Pick, SearchSummary
from workbench.summary import Estimate
from workbench.tracking import tracker_for

EVIL = "<script>alert(1)</script>"


def method(mean: float, reference: bool) -> MethodSummary:
    estimate = Estimate(mean=mean, low=mean - 0.1, high=mean + 0.1, n=5)
    return MethodSummary(
        curve=[CurvePoint(query=q, mean=mean - 1 / q, low=mean - 2 / q, high=mean) for q in range(1, 41)],
        final=estimate,
        regret=Estimate(mean=94.4 - mean, low=94.2 - mean, high=94.5 - mean, n=5),
        difference=None if reference else Estimate(mean=0.2, low=0.1, high=0.3, n=5),
        claimed=not reference,
        found=0.4,
        seconds=0.25,
        picks=[Pick(seed=0, architecture="a=1", score=mean, final=mean)],
    )


def summary(best: float | None = 94.4) -> SearchSummary:
    return SearchSummary(
        problem=f"table {EVIL}",
        space="cell",
        query="e12",
        final="e200",
        queries=40,
        seeds=5,
        reference="local",
        best_score=best,
        best_final=best,
        methods={"local": method(94.0, True), EVIL: method(94.2, False)},
        command=f"weightloom search cell --table '{EVIL}'",
        versions={"weightloom": "0"},
    )


def test_the_page_is_one_file_with_figures_and_numbers(tmp_path: Path) -> None:
    page = write_search_page(summary(), tmp_path).read_text()
    assert page.count('class="plot"') == 2
    assert "94.200 [94.100, 94.300]" in page
    assert "+0.200 [+0.100, +0.300]" in page
    assert "Seeds 0 to 4" in page
    ours = page.split('<script type="application/json"')[0]  # plotly's own code holds addresses that it never asks
    assert not re.search(r'(src|href)="https?:', ours)
    assert "Content-Security-Policy" in page
    assert EVIL not in page


@pytest.mark.parametrize(("best", "measure"), [(94.4, "regret"), (None, "best score so far")])
def test_regret_only_where_the_optimum_is_known(best: float | None, measure: str) -> None:
    page = render_search(summary(best))
    assert f"Line chart of {measure} against queries" in page


def test_wandb_keeps_curves_and_figures(tmp_path: Path) -> None:
    record = summary()
    tracker_for("wandb", tmp_path, "found").searched(record)
    (run,) = map(read_offline, tmp_path.glob("wandb/offline-run-*"))
    assert (run["name"], run["run"]["job_type"], run["run"]["run_group"]) == ("found-search", "search", "found")
    kept = run["summary"]
    for name, one in record.methods.items():
        for part, value in one.final.model_dump().items():
            assert kept[f"{name}/final/{part}"] == value
        assert kept[f"{name}/seconds"] == one.seconds
    table = json.loads((run["files"] / kept["tables/curves"]["path"]).read_text())
    assert table["data"] == [
        [name, p.query, p.mean, p.low, p.high] for name, one in record.methods.items() for p in one.curve
    ]
    assert {name for name in kept if name.startswith("charts/")} == {"charts/curves", "charts/finals"}
