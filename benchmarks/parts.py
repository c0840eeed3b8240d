"""What benchmarks share: a laboratory, generators that are trained once and kept, results as JSON and figures."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from jaxtyping import Float

from generators.generator import Generator
from generators.saving import from_pretrained, save_pretrained
from search_spaces.files import write_json
from sweeps.config import SweepConfig, resolve
from sweeps.proposal import first_proposal
from sweeps.reading import assignments
from sweeps.study import open_laboratory
from weightloom.terminal import watching
from workbench import metrics
from workbench.experiment import run_family
from workbench.laboratory import Laboratory

matplotlib.use("Agg")

RESULTS = Path(__file__).parent / "results"
FIGURES = Path(__file__).parent.parent / "docs" / "figures"


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """A preset's configuration with its laboratory, for one seed of zoo and training."""

    config: SweepConfig
    laboratory: Laboratory
    runs: Path

    @classmethod
    def open(cls, preset: str, changes: Mapping[str, Any], seed: int, runs: Path) -> Bench:
        """Train the zoo, or read it."""
        config = resolve(preset, {**changes, "seed": seed, "zoo.seed": seed})
        with watching() as display:
            return cls(config=config, laboratory=open_laboratory(config, runs, display), runs=runs)

    def trained(
        self,
        family: str,
        settings: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> tuple[Generator, float]:
        """A family as its first trial, with some changes, and the seconds of its training; kept for the next benchmark.

        Args:
            family: of the preset.
            settings: of the generator.
            training: keys of ``training``.
        """
        proposal = first_proposal(self.config, family)
        own = {**proposal.settings, **(settings or {})}
        plan = proposal.training.model_copy(update={"seed": self.config.seed, **(training or {})})
        zoo = self.config.zoo.model_dump(exclude={"seeds", "real_recipe"})  # no held-out network teaches a generator
        space = [self.config.space, self.config.space_settings]
        facts = [_code(), self.config.task, space, zoo, family, own, plan.model_dump()]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        folder = self.runs / ".generators" / f"{family}-{digest}"
        cost = folder / "seconds.json"
        if cost.exists():
            generator = from_pretrained(folder).to(self.laboratory.device)
            return generator, float(json.loads(cost.read_text())["seconds"])
        evaluation = self.config.evaluation.model_copy(update={"thorough": False})
        with watching() as display:

            def told(phase: str, done: int, total: int) -> None:
                display.progress(f"{family}, {phase} phase", done, total)

            outcome = run_family(self.laboratory, family, own, plan, evaluation, told=told)
        save_pretrained(outcome.generator, folder)
        write_json(cost, {"seconds": outcome.summary.budget.seconds})
        return outcome.generator, outcome.summary.budget.seconds


@cache
def _code() -> str:
    """Of what decides how a generator comes out: it is trained anew when a line of that changes."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in ("search_spaces", "generators", "workbench"):
        for path in sorted((root / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def parser(description: str | None, preset: str = "demo") -> argparse.ArgumentParser:
    """Of a benchmark that trains generators on zoos."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--preset", default=preset)
    found.add_argument("--task", default=None, help="by default the preset's")
    found.add_argument("--space", default=None, help="by default the preset's")
    found.add_argument("--widths", type=int, nargs="+", default=None, help="of the space's layers; by default its own")
    found.add_argument("--families", nargs="+", default=None, help="by default all of the preset")
    found.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of zoo and training")
    found.add_argument("--set", nargs="+", default=None, metavar="KEY=VALUE", help="of the preset, as for a sweep")
    found.add_argument("--runs", type=Path, default=Path("runs"))
    return found


def changes_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the options change of the preset, families apart."""
    changes = {key: value for key in ("task", "space") if (value := getattr(options, key)) is not None}
    if options.widths is not None:
        changes["space_settings"] = {"widths": options.widths}
    return changes | assignments(options.set or (), "--set")


def families_of(bench: Bench, options: argparse.Namespace) -> list[str]:
    """Those asked for, or all of the preset."""
    return options.families or [plan.family for plan in bench.config.families]


def three(values: Float[np.ndarray, " n"]) -> list[float]:
    """Mean, low and high of ``metrics.bootstrap``, as they are written."""
    interval = metrics.bootstrap(values)
    return [interval.mean, interval.low, interval.high]


def write_result(name: str, options: argparse.Namespace, content: Mapping[str, Any], began: float) -> None:
    """Write ``benchmarks/results/NAME.json`` with options, versions and seconds."""
    head = {
        "options": {key: str(value) for key, value in vars(options).items() if key != "runs"},
        "seconds": round(time.perf_counter() - began, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    target = write_json(RESULTS / f"{name}.json", {**head, **content})
    print(f"written to {target}")
