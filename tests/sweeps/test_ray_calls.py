"""Trainings of a zoo and rows of a bench as Ray tasks: the same as here."""

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, RunFailed
from search_spaces.mlp import MLPSpace
from sweeps.bench import run_bench
from sweeps.config import BenchConfig, resolve_as
from sweeps.engines import TeamPlan
from sweeps.watching import Silent
from workbench.evaluation import brief
from workbench.execution import at_once, shared_out, side_by_side
from workbench.tasks import load_task
from workbench.zoo import Recipe, batched, train_sorted

PLAN = TeamPlan(workers=2, arguments=(), engine="ray", cpus=1)
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module", autouse=True)
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One for all tests; what is opened while it is there joins it."""
    if "WEIGHTLOOM_NEEDS_RAY" not in os.environ:
        pytest.importorskip("ray")
    with PLAN.opened(tmp_path_factory.mktemp("ray"), None):
        yield
    with warnings.catch_warnings(action="ignore"):  # Ray drops processes without waiting for them
        gc.collect()


def test_calls_are_run_elsewhere_in_order_and_errors_are_their_own(tmp_path: Path) -> None:
    with PLAN.opened(tmp_path, None) as engine, shared_out(engine.calls):
        assert at_once() == 2
        found = list(side_by_side(lambda job: (job, os.getpid(), torch.get_num_threads()), [3, 1, 2], 2))
        assert [job for job, _, _ in found] == [3, 1, 2]
        assert all(pid != os.getpid() and threads == 1 for _, pid, threads in found)

        def broken(job: int) -> int:
            if job == 2:
                raise RunFailed("no such luck")
            return 10 * job

        calls = side_by_side(broken, [1, 2, 3], 2)
        assert next(calls) == 10
        with pytest.raises(RunFailed, match=r"^no such luck$"):
            next(calls)


def test_a_zoo_is_the_same_wherever_it_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("digits", None)
    space = MLPSpace(inputs=task.inputs, outputs=task.classes)
    blueprints = [Blueprint.of(a) for a in space.sample_distinct(6, np.random.default_rng(0))]
    monkeypatch.setattr(batched, "ALONE", 1)
    monkeypatch.setattr(batched, "AT_ONCE", 2)

    def trained() -> torch.Tensor:
        done = train_sorted(task, WeightTokenizer(width=64), blueprints, range(6), Recipe(steps=10))
        return done.networks.tokens

    torch.set_num_threads(1)
    here = trained()
    with PLAN.opened(tmp_path, None) as engine, shared_out(engine.calls):
        assert torch.equal(trained(), here)


def test_rows_of_a_bench_are_the_same_wherever_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief, "STEPS", (10,))
    changes: dict[str, Any] = {
        **{"kinds": ["shared-base"], "repeats": 1, "baselines": ["init", "noise"]},
        **{"families": [{"family": "mlp", "modes": ["task"]}], "training": {"steps": 3, "architectures": 2}},
        **{"evaluation": {"latents": 2, "curve": [1.0, 0.5]}},
        "zoo": {
            **{"pool": 8, "networks": 8, "validation": 2, "test": 2, "seeds": 2},
            **{"recipe": {"steps": 20}, "real_recipe": {"steps": 40}},
        },
    }

    def run(name: str, team: TeamPlan | None) -> dict[str, Any]:
        config = resolve_as(BenchConfig, "quick", {**changes, "name": name})
        found = run_bench(config, tmp_path, resume=False, overwrite=False, watcher=Silent(), command="x", team=team)
        (summary,) = found.values()
        rows = {
            row: [own.metrics[name].mean for name in ("score", "fidelity", "collapse") if name in own.metrics]
            for row, own in summary.generators.items()
        }
        return {"rows": rows, "problems": summary.budget.get("problems")}

    torch.set_num_threads(1)
    here, there = run("here", None), run("there", PLAN)
    assert there == here
    assert list(here["rows"])[:2] == ["mlp", "init"]
    assert here["problems"] is None
