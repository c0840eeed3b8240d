"""Relaxed gates: a space as one network, its choices optimised by gradient through a generator, then made discrete."""

from workbench.relaxed.gates import GateConfig
from workbench.relaxed.search import RelaxedConfig, RelaxedGates, open_relaxed, relaxable

__all__ = ["GateConfig", "RelaxedConfig", "RelaxedGates", "open_relaxed", "relaxable"]
