"""Training a generator: objectives, phases and the Lightning loop."""

from workbench.training.checkpoint import Checkpoint
from workbench.training.config import TrainingConfig
from workbench.training.module import Phase, TrainingResult, plan, train_generator
from workbench.training.objectives import TaskObjective, ZooObjective, real_distance

__all__ = [
    "Checkpoint",
    "Phase",
    "TaskObjective",
    "TrainingConfig",
    "TrainingResult",
    "ZooObjective",
    "plan",
    "real_distance",
    "train_generator",
]
