"""The bench on tiny zoos: every row of every kind, what was finished is kept, failures are named."""

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces import DamagedFile, UnknownName, WeightloomError
from sweeps import bench
from sweeps.bench import run_bench
from sweeps.config import BenchConfig, resolve_as, with_generators
from sweeps.watching import Silent
from workbench import finishing
from workbench.evaluation import brief
from workbench.summary import Summary

TINY = {
    "name": "tiny",
    "kinds": ["shared-base", "trajectory"],
    "repeats": 2,
    "finish": [10],
    "families": [{"family": "mlp", "modes": ["task"]}],
    "baselines": ["init", "noise"],
    "training": {"steps": 3, "architectures": 2},
    "evaluation": {"latents": 2, "curve": [1.0, 0.5]},
    "zoo": {
        "pool": 8,
        "networks": 8,
        "validation": 2,
        "test": 2,
        "seeds": 2,
        "recipe": {"steps": 20},
        "real_recipe": {"steps": 40},
    },
}


def tiny(**changes: Any) -> BenchConfig:
    return resolve_as(BenchConfig, "quick", {**TINY, **changes})


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief, "STEPS", (10,))
    monkeypatch.setattr(finishing, "RATES", (1e-2,))


def run(config: BenchConfig, runs: Path, *, resume: bool = False, overwrite: bool = False) -> dict[Any, Summary]:
    return run_bench(config, runs, resume=resume, overwrite=overwrite, watcher=Silent(), command="weightloom bench")


def test_every_row_on_every_kind_and_nothing_is_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(tiny(), tmp_path)
    assert list(found) == ["shared-base", "trajectory"]
    for kind, summary in found.items():
        assert list(summary.generators) == ["mlp", "mlp+10", "init", "init+10", "noise", "real"]
        assert summary.zoo["kind"] == kind
        assert summary.zoo["zoos"] == 2
        assert len(summary.generators["mlp"].architectures) == 2 * 2  # repeats x test architectures
        assert summary.generators["real"].mean("fidelity") == pytest.approx(1.0)
        assert summary.generators["mlp"].verdict or summary.generators["mlp"].metrics
        assert [point.steps for point in summary.brief] == [10]
        assert Summary.read(tmp_path / "tiny" / kind) == summary
        assert (tmp_path / "tiny" / kind / "report.html").exists()
    assert found["trajectory"].brief == found["shared-base"].brief  # measured once: the same held-out architectures
    a, b = (found["trajectory"].generators["mlp"].architectures[i].key for i in (0, 2))
    assert a != b  # another repeat, other architectures
    page = (tmp_path / "tiny" / "report.html").read_text()
    assert all(f'id="{kind}"' in page and f"./{kind}/report.html" in page for kind in found)
    assert (tmp_path / "tiny" / "table.csv").read_text().count("\n") > 100

    monkeypatch.setattr(bench, "run_family", None)  # called again it would fail
    (tmp_path / "tiny" / "cells" / "trajectory-2" / "noise.json").unlink()
    again = run(tiny(), tmp_path, resume=True)
    assert again["trajectory"].generators["mlp"] == found["trajectory"].generators["mlp"]
    assert again["trajectory"].generators["noise"].mean("fidelity") == pytest.approx(
        found["trajectory"].generators["noise"].mean("fidelity")
    )
    with pytest.raises(WeightloomError, match="--resume"):
        run(tiny(), tmp_path)
    with pytest.raises(WeightloomError, match="repeats"):
        run(tiny(repeats=3), tmp_path, resume=True)

    cell = tmp_path / "tiny" / "cells" / "trajectory-2" / "noise.json"
    content = json.loads(cell.read_text())
    content["generator"]["kind"] = "hostile"
    cell.write_text(json.dumps(content))
    with pytest.raises(DamagedFile, match=r"noise\.json"):
        run(tiny(), tmp_path, resume=True)


def test_a_generator_that_fails_is_named_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise WeightloomError("the loss became NaN")

    monkeypatch.setattr(bench, "run_family", broken)
    (summary,) = run(tiny(kinds=["trajectory"], repeats=1), tmp_path).values()
    assert list(summary.generators) == ["init", "init+10", "noise", "real"]
    assert "mlp failed: the loss became NaN" in str(summary.budget["problems"])


def test_generators_by_name_get_their_plan_or_the_defaults() -> None:
    config = with_generators(tiny(), ["transformer", "mlp", "mlp"])
    assert [plan.family for plan in config.families] == ["transformer", "mlp"]
    assert config.plan("mlp").modes == ("task",)
    with pytest.raises(UnknownName, match="mpl"):
        with_generators(tiny(), ["mpl"])
    with pytest.raises(WeightloomError, match="expected one or more of"):
        with_generators(tiny(), [])


def test_a_kind_that_does_not_fit_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match=r"zoo.*multiple of 8 for a trajectory zoo, not 12"):
        run(tiny(zoo={**TINY["zoo"], "networks": 12, "pool": 12}), tmp_path)  # type: ignore[dict-item]
    assert not (tmp_path / "tiny").exists()
