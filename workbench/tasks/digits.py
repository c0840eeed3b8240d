"""Handwritten digits that come with scikit-learn (Alpaydin & Kaynak 1998, UCI): 1,797 images of 8x8."""

from __future__ import annotations

from workbench.tasks.task import Task, split_task


def digits() -> Task:
    """Scikit-learn's digits: 64 inputs, 10 classes; the embedded default."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return split_task("digits", data.data, data.target, shape=(1, 8, 8))
