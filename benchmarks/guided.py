"""Is a generator worth its training when architectures are searched? ``python -m benchmarks.guided``.

Random search, TPE and generator-guided search on mnist1d with ``conv1d``, every query a real training and every
search with the same processor seconds (``--methods`` adds others, such as the predictor, which is guided search
without a guide); the training of its generator counts as the guided search's own.
Written are the seconds until a network within 0.5 points of the best known is found, the score found after so many
seconds, and the picks' test scores. Answers of real training are shared between methods, but each search pays for
its own; so the benchmark takes at most seeds x methods x seconds / processes: with the defaults five rounds of two
searches, 22 minutes, and one or two for the picks.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sweeps.search import Trajectory
from sweeps.search.comparison import run_all
from sweeps.search.training_problem import TrainingProblem
from weightloom.terminal import watching
from workbench.guide import GuideConfig
from workbench.metrics.intervals import bootstrap, paired_difference
from workbench.training_task import default_recipe

METHODS = ("random", "tpe", "guided")
REFERENCES = ("random", "tpe", "predictor")
WITHIN = 0.005
QUERIES = 10_000
POINTS = 20
"""Points of a curve, evenly spaced in seconds."""


def best_at(run: Trajectory, seconds: float) -> float:
    """The highest score that the search had found after so many seconds; 0 before its first answer."""
    found = [score for score, at in zip(run.scores, run.elapsed, strict=True) if at <= seconds]
    return max(found, default=0.0)


def seconds_until(run: Trajectory, target: float, budget: float) -> float:
    """Seconds until a score of at least ``target``; ``budget`` if it was not found within it."""
    reached = (at for score, at in zip(run.scores, run.elapsed, strict=True) if score >= target)
    return min(next(reached, budget), budget)


def interval(values: np.ndarray) -> dict[str, float]:
    """Mean with its 95 % bootstrap interval over seeds."""
    found = bootstrap(values)
    return {"mean": found.mean, "low": found.low, "high": found.high}


def report(runs: dict[str, list[Trajectory]], budget: float) -> dict[str, Any]:
    """What the searches show; the best known score is the highest that any of them met within the budget."""
    best = max(best_at(run, budget) for found in runs.values() for run in found)
    until = {n: np.array([seconds_until(run, best - WITHIN, budget) for run in found]) for n, found in runs.items()}
    methods: dict[str, Any] = {}
    for name, found in runs.items():
        grid = np.linspace(0, budget, POINTS + 1)[1:]
        methods[name] = {
            "seconds_until": interval(until[name]) | {"each": until[name].tolist()},
            "found": float((until[name] < budget).mean()),
            "queries": float(np.mean([len(run.scores) for run in found])),
            "own_seconds": float(np.mean([run.seconds for run in found])),
            "first_answer": float(np.mean([run.elapsed[0] for run in found])),
            "final": interval(np.array([run.final_score for run in found])),
            "regret": [
                {"seconds": round(float(at), 1)} | interval(np.array([best - best_at(run, at) for run in found]))
                for at in grid
            ],
        }
    gains = {}
    for other in (name for name in REFERENCES if name in runs and "guided" in runs):
        difference = paired_difference(until[other], until["guided"])
        gains[other] = {
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "claimed": difference.excludes_zero,
        }
    return {"best_known": best, "target": best - WITHIN, "seconds_saved_by_guided": gains, "methods": methods}


def table(found: dict[str, Any], budget: float) -> str:
    """Markdown."""
    lines = [
        f"| method | seconds until {found['target']:.4f} (of {budget:.0f}) | found | queries | own s | test score |",
        "|---|---|---|---|---|---|",
    ]
    for name, m in found["methods"].items():
        until, final = m["seconds_until"], m["final"]
        lines.append(
            f"| {name} | {until['mean']:.1f} [{until['low']:.1f}, {until['high']:.1f}] | {m['found']:.0%} "
            f"| {m['queries']:.1f} | {m['own_seconds']:.1f} "
            f"| {final['mean']:.4f} [{final['low']:.4f}, {final['high']:.4f}] |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write ``benchmarks/results/guided.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mnist1d")
    parser.add_argument("--space", default="conv1d")
    parser.add_argument("--methods", default=",".join(METHODS), help="commas between")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=260.0, help="of processor time, for each search")
    parser.add_argument("--steps", type=int, default=400, help="of each real training")
    parser.add_argument("--generator-steps", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="answers are kept in its .search")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "guided.json")
    options = parser.parse_args(arguments)
    problem = TrainingProblem(
        task=options.task,
        space=options.space,
        recipe=default_recipe(options.steps),
        folder=options.runs / ".search",
        guide=GuideConfig(steps=options.generator_steps),
    )
    began = time.perf_counter()
    with watching() as display:
        runs = run_all(
            problem,
            tuple(options.methods.split(",")),
            queries=QUERIES,
            seeds=options.seeds,
            processes=options.processes,
            seconds=options.seconds,
            watcher=display,
        )
    found = {
        "options": {k: v for k, v in vars(options).items() if not isinstance(v, Path)},
        **report(runs, options.seconds),
        "wall_seconds": math.ceil(time.perf_counter() - began),
        "torch": torch.__version__,
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(found, options.seconds))
    for other, gain in found["seconds_saved_by_guided"].items():
        verdict = "" if gain["claimed"] else " (not told apart)"
        print(
            f"- guided saves {gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}] s against {other}{verdict}"
        )
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
