"""What the columns of the report's tables mean: shown on hover and on focus, and read by screen readers."""

from __future__ import annotations

from workbench.metrics.registry import METRICS, Metric

DIRECTIONS = {"up": "higher is better", "down": "lower is better", "near": "best near"}
COLUMNS = {
    "generator": "Name of the row: a family that learns, a baseline that does not, or really trained networks.",
    "kind": "family = a generator that learns; baseline = one that does not; real = really trained networks.",
    "verdict": "copy, contraction (towards the mean), off-manifold, collapsed or novel, by stated thresholds.",
    "networks": "What the row is of: how many networks, or how they came to be.",
    "without": "What was taken away: whole neurons, or single weights.",
    "zero parameters": "Share of parameters that are zero or removed; more is smaller.",
    "within limits": "Whether the trial's networks keep the limits that the sweep sets on active parameters.",
    "best": "yes = no point of any line of this figure has both a higher score and more zero parameters.",
    "zero weights": "Share of parameters that are zero or removed; more is smaller.",
    "low": "Lower end of the 95 % interval.",
    "high": "Upper end of the 95 % interval.",
    "novelty": "1 - max_iou: how little the errors overlap with those of any training network; higher is newer.",
    "mean overlap": "Overlap of errors (IoU), mean over pairs of networks; 1 = the very same errors.",
    "architecture": "Operations in order, with their settings.",
    "parameters": "Scalar parameters; as emitted → after what is closed was taken out. Fewer is cheaper.",
    "generated": "Test score with generated weights; higher is better.",
    "really trained": "Test score after real training; what generated is read against.",
    "trial": "Number of the trial in the sweep.",
    "mode": "How it was trained: on the task's loss, on the zoo, or both.",
    "state": "complete, failed, pruned (given up as hopeless) or running.",
    "seconds": "Time that the trial took.",
    "settings": "What the trial tried.",
    "reason": "Why it failed or was given up.",
    "steps": "Optimiser steps of real training.",
    "learning rate": "The best of several for so many steps, by validation.",
    "ms a network": "Milliseconds of training for one network of many that are trained side by side; lower is cheaper.",
    "file": "Path below the folder of this run.",
    "format": "safetensors keeps the network as emitted, others the smaller one; opset = version of ONNX's operators.",
    "difference": "Largest absolute difference of outputs on test examples between file and network; lower is better.",
    "bytes": "Size of the file, or of all files of a folder.",
    "FLOPs": "Floating-point operations for one example, as emitted → compacted; fewer is cheaper.",
    "bytes of them": "Bytes of the parameters, as emitted → compacted.",
    "ms, 1 example": "Median milliseconds for one example on the machine of the export, as emitted → compacted.",
    "ms, 64 examples": "Median milliseconds for 64 examples on the machine of the export, as emitted → compacted.",
    "greatest norm": "Greatest spectral norm of a weight matrix, where a limit was set.",
    "Lipschitz bound": "Outputs of two inputs are provably at most so many times as far apart, where a limit was set.",
    "SHA-256": "Of the file; of a folder that of its config.json, which holds that of the weights.",
    "family": "Kind of generator.",
    "method": "How architectures were searched.",
    "queries": "Architectures whose score was asked for.",
    "regret": "Best score of the space minus the best found so far; lower is better.",
    "best score so far": "Highest score of the architectures asked for; higher is better.",
    "mean": "Mean over seeds.",
}  # fmt: skip
"""Columns that are no metric of `METRICS`."""


def definition(column: str) -> str:
    """What a column means; empty for one that nobody defined."""
    metric = METRICS.get(column.replace(" ", "_"))
    return COLUMNS.get(column) or (defined(metric) if metric else "")


def defined(metric: Metric) -> str:
    """Definition, unit, range and direction of a metric in words."""
    return f"{metric.definition} {_direction(metric)}"


def _direction(metric: Metric) -> str:
    near = " the value named" if metric.near is None else f" {metric.near:g}"
    near = near if metric.better == "near" else ""
    low, high = metric.low, metric.high
    span = "" if low is None and high is None else f"; from {_end(low)} to {_end(high)}"
    return f"Unit: {metric.unit}{span}; {DIRECTIONS[metric.better]}{near}."


def _end(bound: float | None) -> str:
    return "unbounded" if bound is None else f"{bound:g}"
