"""A run as it could be: three families, six baselines, the real row, missing figures and a failed trial."""

from __future__ import annotations

import random
from typing import Any

from workbench.summary import Summary

# name: fidelity, worst decile, collapse, max_iou, rho_function, valid, sparsity, latency_ms, train_seconds
FIGURES: dict[str, tuple[str, tuple[float | None, ...]]] = {
    "mlp": ("family", (0.995, 0.981, 0.93, 0.81, 0.84, 1.0, 0.31, 0.42, 118.0)),
    "transformer": ("family", (0.991, 0.972, 0.71, 0.74, 0.93, 1.0, 0.44, 1.9, 264.0)),
    "diffusion": ("family", (0.962, 0.911, 0.12, 0.62, 1.04, 0.97, 0.38, 14.6, 301.0)),
    "init": ("baseline", (0.104, 0.071, None, None, None, 0.0, 0.0, 0.11, 0.0)),
    "retrieve": ("baseline", (0.983, 0.930, 1.0, 1.0, 0.0, 1.0, 0.0, 0.9, 0.0)),
    "noise": ("baseline", (0.952, 0.905, 0.42, 0.86, 0.55, 0.98, 0.0, 1.0, 0.0)),
    "average": ("baseline", (0.871, 0.690, 1.0, 0.72, 0.71, 0.81, 0.0, 1.2, 0.0)),
    "gaussian": ("baseline", (0.312, 0.188, None, 0.31, 2.6, 0.02, 0.0, 0.8, 0.4)),
    "pca": ("baseline", (0.893, 0.742, 0.33, 0.77, 0.69, 0.86, 0.0, 1.1, 1.7)),
    "real": ("real", (1.0, 0.99, 0.0, 0.64, 1.0, 1.0, 0.0, None, 960.0)),
}
METRICS = (
    "fidelity",
    "fidelity_worst_decile",
    "collapse",
    "max_iou",
    "rho_function",
    "valid",
    "sparsity",
    "latency_ms",
    "train_seconds",
)
VERDICTS = {
    "mlp": [("collapsed", "collapse 0.930 is above 0.5: latents agree on 99.5 % of predictions")],
    "transformer": [("collapsed", "collapse 0.710 is above 0.5")],
    "diffusion": [("novel", "rho 1.04 in function space is above 0.9 and collapse 0.120 below 0.5")],
    "retrieve": [("copy", "max_iou 1.000 with a training network")],
    "average": [("contraction", "weights lie nearer to the mean than real ones")],
    "gaussian": [("off-manifold", "valid share 0.020")],
}


def _estimate(mean: float | None, half: float, n: int = 24) -> dict[str, Any]:
    if mean is None:
        return {"mean": None, "low": None, "high": None, "n": 0}
    edge = 1.0 if mean <= 1.0 else 1000.0
    return {
        "mean": mean,
        "low": round(max(0.0, mean - half), 4),
        "high": round(min(edge, mean + half), 4),
        "n": n,
    }


def _architectures(name: str, figures: tuple[float | None, ...], rng: random.Random) -> list[dict[str, Any]]:
    fidelity, collapse, max_iou = figures[0] or 0.0, figures[2], figures[3]
    found = []
    for index in range(16):
        real = 0.955 - 0.045 * index / 15 + random.Random(index).uniform(-0.006, 0.006)
        own = min(1.0, fidelity * (1 + rng.uniform(-0.02, 0.012)))
        found.append(
            {
                "key": f"{index * 2654435761 % 2**32:08x}",
                "name": f"mlp 64-{16 + 4 * index}-{8 + 2 * index}-10",
                "parameters": 1200 + 430 * index,
                "score": None if name == "gaussian" and index == 3 else round(real * own, 4),
                "real_score": round(real, 4),
                "fidelity": None if name == "gaussian" and index == 3 else round(own, 4),
                "collapse": collapse,
                "max_iou": max_iou,
            }
        )
    return found


def _curve(name: str, fidelity: float) -> list[dict[str, Any]]:
    sources = {"magnitude": (0.95 * fidelity, 5.0), "real-magnitude": (0.953, 6.5)}
    if name in {"transformer", "diffusion"}:
        sources["generated"] = (0.95 * fidelity, 9.0)
    return [
        {"source": source, "sparsity": s, "mean": mean, "low": mean - 0.012, "high": mean + 0.012}
        for source, (top, power) in sources.items()
        for s in (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95)
        for mean in [round(0.1 + (top - 0.1) * (1 - s**power), 4)]
    ]


def _overlap(collapse: float | None, rng: random.Random) -> list[list[float | None]]:
    size, level = 8, 1 - 0.55 * (1 - (collapse or 0.0))
    matrix: list[list[float | None]] = [[1.0] * size for _ in range(size)]
    for a in range(size):
        for b in range(a):
            matrix[a][b] = matrix[b][a] = round(min(1.0, level + rng.uniform(-0.06, 0.06)), 3)
    return matrix


def _generator(name: str) -> dict[str, Any]:
    kind, figures = FIGURES[name]
    rng = random.Random(name)
    fidelity = figures[0] or 0.0
    halves = (0.006, 0.02, 0.05, 0.04, 0.06, 0.02, 0.02, 0.05, 0.0)
    return {
        "kind": kind,
        "family": name,
        "mode": {"mlp": "task", "transformer": "both", "diffusion": "zoo"}.get(name),
        "trial": {"mlp": 1, "transformer": 4, "diffusion": 6}.get(name),
        "config": {"width": 128, "latent": 16} if kind == "family" else {},
        "budget": {"steps": 2000 if kind == "family" else 0, "seconds": figures[8] or 0.0},
        "metrics": {m: _estimate(v, h) for m, v, h in zip(METRICS, figures, halves, strict=True)},
        "verdict": [{"label": label, "reason": reason} for label, reason in VERDICTS.get(name, [])],
        "architectures": _architectures(name, figures, rng),
        "sparsity_curve": _curve(name, fidelity) if kind == "family" else [],
        "overlap": _overlap(figures[2], rng) if kind in {"family", "real"} else [],
    }


def _trials() -> list[dict[str, Any]]:
    made = []
    for number in range(12):
        family = ("mlp", "transformer", "diffusion")[number % 3]
        failed, pruned = number == 7, number == 8
        fidelity, collapse = FIGURES[family][1][0] or 0.0, FIGURES[family][1][2] or 0.0
        step = 0.012 * (number // 3)
        made.append(
            {
                "number": number,
                "family": family,
                "mode": "zoo" if family == "diffusion" else "task",
                "state": "failed" if failed else "pruned" if pruned else "complete",
                "values": {}
                if failed
                else {
                    "fidelity": round(fidelity - step, 4),
                    "collapse": round(max(0.0, collapse - 3 * step), 4),
                    "active_parameters": 900 * (1 + number),
                },
                "params": {"learning_rate": 0.001 * (1 + number), "width": 64},
                "seconds": 60.0 + 9 * number,
                "reason": "RunFailed: loss was NaN at step 312; lower learning_rate" if failed else None,
            }
        )
    return made


def example_dict() -> dict[str, Any]:
    """The example as the plain JSON value of ``summary.json``."""
    trials = _trials()
    frontier = [
        {"baseline": kind, "sigma": s, "score": round(top - drop * s**1.6, 4), "max_iou": iou, "spread": s}
        for kind, top, drop in (("noise", 0.926, 2.2), ("noise-oracle", 0.951, 1.9))
        for s in (0.0, 0.05, 0.1, 0.2, 0.3)
        for iou in [round(1.0 - 1.5 * s, 3)]
    ]
    return {
        "schema": 1,
        "name": "digits-first",
        "task": "digits",
        "space": "mlp",
        "created": "2026-07-04T09:30:00+00:00",
        "seconds": 1312.4,
        "seed": 7,
        "versions": {"weightloom": "0.1.0", "torch": "2.13.0", "python": "3.11.2"},
        "budget": {"zoo_networks": 256, "real_steps": 1500, "trial_seconds": 300, "note": "quick preset"},
        "zoo": {"kind": "independent", "networks": 256, "train_architectures": 48, "test_architectures": 16,
                "hash": "9f2c41d07a6e", "seconds": 84.2},
        "generators": {name: _generator(name) for name in FIGURES},
        "frontier": frontier,
        "brief": [
            {"steps": steps, "learning_rate": 0.02, "milliseconds": 0.25 * steps, "fidelity": _estimate(f, 0.004),
             "collapse": _estimate(0.01, 0.01) if f > 0.9 else None, "valid": _estimate(v, 0.05)}
            for steps, f, v in ((25, 0.62, 0.0), (100, 0.935, 0.6), (400, 0.985, 0.95))
        ],
        "trials": trials,
        "pareto": [
            {"trial": t["number"], "family": t["family"], "values": t["values"]}
            for t in trials[:3] + trials[4:5]
        ],
        "exports": [
            {"path": "exports/diffusion-mlp 64-16.onnx", "format": "onnx", "sha256": "ab" * 32,
             "generator": "diffusion", "architecture": "mlp 64-16-8-10", "score": 0.921,
             "difference": 3.1e-7, "bytes": 4321,
             "before": {"parameters": 1330, "flops": 2600, "bytes": 5600, "ms_1": 0.05, "ms_64": 0.12},
             "after": {"parameters": 411, "flops": 790, "bytes": 1900, "ms_1": 0.04, "ms_64": 0.07}},
            {"path": "exports/diffusion.safetensors", "format": "safetensors", "sha256": "cd" * 32,
             "generator": "diffusion", "architecture": "mlp 64-16-8-10", "score": 0.921, "difference": None},
        ],
    }  # fmt: skip


def example_summary() -> Summary:
    """The example as a validated `Summary`."""
    return Summary.model_validate(example_dict())
