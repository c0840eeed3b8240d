"""Sound records of runs, as JSON has them."""

from __future__ import annotations

from typing import Any


def figures(kind: str = "family") -> dict[str, Any]:
    """Of one generator."""
    estimate = {"mean": 0.9, "low": 0.8, "high": 0.95, "n": 12}
    row = {
        "key": "0123", "name": "mlp[4]", "parameters": 40, "score": 0.9, "real_score": 0.95, "fidelity": 0.95,
        "collapse": 0.1, "max_iou": 0.6,
    }  # fmt: skip
    return {
        "kind": kind, "family": "mlp", "mode": "task", "trial": 0, "config": {"latent": 8},
        "budget": {"steps": 10, "seconds": 1.0},
        "metrics": {name: estimate for name in ("fidelity", "collapse", "max_iou", "valid", "sparsity", "latency_ms")},
        "verdict": [{"label": "novel", "reason": "it is"}],
        "architectures": [row, row],
        "sparsity_curve": [
            {"source": "generated", "kind": "neurons", "sparsity": 0.5, "mean": 0.8, "low": 0.7, "high": 0.9}
        ],
        "overlap": [[1.0, 0.5], [0.5, 1.0]],
    }  # fmt: skip


def summary() -> dict[str, Any]:
    """Of a run."""
    export = {
        "path": "exports/a.safetensors", "format": "safetensors", "sha256": "0" * 64, "generator": "mlp",
        "architecture": "mlp[4]", "score": 0.9, "difference": 0.0, "bytes": 1000,
    }  # fmt: skip
    trial = {"number": 0, "family": "mlp", "mode": "task", "state": "complete", "values": {"fidelity": 0.9}}
    return {
        "schema": 1, "name": "run", "created": "2026-01-01T00:00:00+00:00", "seed": 0, "task": "digits",
        "space": "mlp", "versions": {"torch": "2"}, "seconds": 10.0, "budget": {"trials": 1}, "zoo": {"networks": 4},
        "generators": {"mlp": figures(), "noise": figures("baseline"), "real": figures("real")},
        "frontier": [{"baseline": "noise", "sigma": 0.1, "score": 0.9, "max_iou": 0.5, "spread": 0.1}],
        "trials": [{**trial, "params": {"family": "mlp"}, "seconds": 1.0}],
        "pareto": [{"trial": 0, "family": "mlp", "values": {"fidelity": 0.9}}],
        "exports": [export],
    }  # fmt: skip


ANSWER = {
    "schema": 1, "key": "k", "task": "t", "recipe": {"steps": 10}, "seeds": [0, 1], "validation": [0.5, 0.6],
    "test": [0.5, 0.6], "seconds": 1.0,
}  # fmt: skip
CELL = {"generator": figures(), "finished": {"mlp+10": figures()}, "seconds": 1.0}
ZOO_CELL = {
    "zoo": {"networks": 4}, "frontier": [], "seconds": 1.0,
    "brief": [{"steps": 10, "learning_rate": 0.1, "milliseconds": 3.0,
               "fidelity": {"mean": 0.9, "n": 2}, "valid": {"mean": 1.0, "n": 2}}],
}  # fmt: skip
