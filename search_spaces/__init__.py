"""Which architectures exist, and what has to be emitted for one. Importing this imports no torch."""

from search_spaces.architecture import Architecture, Edge, Genome, Node
from search_spaces.blueprint import Blueprint, ParameterSpec
from search_spaces.choices import Choice, Grown, Product, Switch, Tree, Trial
from search_spaces.encoding import NODE_FEATURES, GraphArrays, encode
from search_spaces.errors import DamagedFile, RunFailed, UnknownName, WeightloomError
from search_spaces.mlp import MLPSpace
from search_spaces.module import ModuleSpace
from search_spaces.opening import open_space
from search_spaces.registry import SPACES, Registry
from search_spaces.space import SearchSpace

__all__ = [
    "NODE_FEATURES",
    "SPACES",
    "Architecture",
    "Blueprint",
    "Choice",
    "DamagedFile",
    "Edge",
    "Genome",
    "GraphArrays",
    "Grown",
    "MLPSpace",
    "ModuleSpace",
    "Node",
    "ParameterSpec",
    "Product",
    "Registry",
    "RunFailed",
    "SearchSpace",
    "Switch",
    "Tree",
    "Trial",
    "UnknownName",
    "WeightloomError",
    "encode",
    "open_space",
]
