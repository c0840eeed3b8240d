"""Measuring a generator on held-out architectures."""

from workbench.evaluation.config import EvaluationConfig
from workbench.evaluation.evaluate import Evaluation, evaluate, evaluate_real

__all__ = ["Evaluation", "EvaluationConfig", "evaluate", "evaluate_real"]
