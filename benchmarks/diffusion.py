"""The demo's diffusion on zoos that nothing was chosen on: ``python -m benchmarks.diffusion``.

For each seed a zoo with architectures and networks of its own is trained, then the preset's diffusion; fidelity and
collapse are those of test architectures on test data, as in every table. The settings stand in
``sweeps/presets/demo.yaml``; they were chosen on validation architectures of another zoo (``docs/results.md``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sweeps.config import resolve
from sweeps.single import train_one
from sweeps.watching import Silent
from workbench import metrics
from workbench.summary import GeneratorSummary

SHOWN = ("fidelity", "fidelity_worst_decile", "collapse", "valid", "max_iou", "gap", "gap_oracle", "nfe")


def trained(seed: int, runs: Path) -> GeneratorSummary:
    """The diffusion of the demo on the zoo of this seed."""
    overrides = {"seed": seed, "training.seed": seed, "zoo.seed": seed}
    first = resolve("demo", overrides).plan("diffusion").first
    settings = {key: first[key] for key in ("steps", "kept")}
    return train_one(
        "diffusion",
        runs / f"diffusion-{seed}",
        preset="demo",
        overrides={**overrides, "training.learning_rate": first["learning_rate"]},
        mode=first["mode"],
        settings=settings,
        runs=runs,
        watcher=Silent(),
    )


def pooled(found: list[GeneratorSummary]) -> dict[str, Any]:
    """Fidelity over all architectures of all seeds; collapse as the mean of the seeds' with its range."""
    fidelity = metrics.bootstrap(np.array([row.fidelity for summary in found for row in summary.architectures]))
    collapse = [summary.mean("collapse") or 0.0 for summary in found]
    return {
        "fidelity": [fidelity.mean, fidelity.low, fidelity.high],
        "collapse": {"mean": float(np.mean(collapse)), "least": min(collapse), "most": max(collapse)},
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write them to ``benchmarks/results/diffusion.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args(arguments)
    found = []
    for seed in options.seeds:
        summary = trained(seed, options.runs)
        found.append(summary)
        estimates = {name: summary.metrics[name] for name in SHOWN if name in summary.metrics}
        print(seed, {name: f"{e.mean:.3f} [{e.low:.3f}, {e.high:.3f}]" for name, e in estimates.items()}, flush=True)
    content = {
        "seeds": options.seeds,
        "pooled": pooled(found),
        "each": [{name: summary.metrics[name].model_dump() for name in SHOWN} for summary in found],
        "train_seconds": [summary.budget.seconds for summary in found],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    target = Path(__file__).parent / "results" / "diffusion.json"
    target.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content["pooled"], indent=2))
    print(f"written to {target}")


if __name__ == "__main__":
    main()
