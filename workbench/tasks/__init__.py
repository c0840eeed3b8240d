"""What the networks are for: data with fixed splits, loss and score."""

from workbench.tasks.arrays import from_arrays, from_columns
from workbench.tasks.task import TASKS, Split, Task, load_task, loss, score, split_task

__all__ = ["TASKS", "Split", "Task", "from_arrays", "from_columns", "load_task", "loss", "score", "split_task"]
