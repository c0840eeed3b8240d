"""Search methods, compared fairly: they know a search space and scores, and nothing else.

Importing this imports neither torch nor Optuna.
"""

from search_spaces.registry import Registry
from sweeps.search.candidates import Candidates, Genes
from sweeps.search.evaluator import Evaluator, Problem
from sweeps.search.method import SearchMethod
from sweeps.search.trajectory import Trajectory, search_once

METHODS = Registry("search method", "weightloom.methods")

__all__ = [
    "METHODS",
    "Candidates",
    "Evaluator",
    "Genes",
    "Problem",
    "SearchMethod",
    "Trajectory",
    "search_once",
]
