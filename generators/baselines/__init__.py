"""The honest baselines: generators that learn nothing, and that every family has to beat."""

from generators.baselines.average import AverageBaseline, AverageConfig
from generators.baselines.base import FittedBaseline, Tried
from generators.baselines.gaussian import GaussianBaseline, GaussianConfig
from generators.baselines.init import InitBaseline
from generators.baselines.noise import NoiseBaseline, NoiseConfig
from generators.baselines.pca import PCABaseline, PCAConfig
from generators.baselines.retrieve import RetrieveBaseline, RetrieveConfig

__all__ = [
    "AverageBaseline",
    "AverageConfig",
    "FittedBaseline",
    "GaussianBaseline",
    "GaussianConfig",
    "InitBaseline",
    "NoiseBaseline",
    "NoiseConfig",
    "PCABaseline",
    "PCAConfig",
    "RetrieveBaseline",
    "RetrieveConfig",
    "Tried",
]
