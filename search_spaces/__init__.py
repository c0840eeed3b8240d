"""Which architectures exist, and what has to be emitted for one.

Importing this imports nothing else, so that the command line answers at once; the first use of a name imports its file,
and none of them torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
_ROOMS = {
    "architecture": ("Architecture", "Edge", "Genome", "Node"),
    "blueprint": ("Blueprint", "ParameterSpec"),
    "choices": ("Choice", "Grown", "Product", "Switch", "Tree", "Trial"),
    "encoding": ("NODE_FEATURES", "GraphArrays", "encode"),
    "errors": ("DamagedFile", "RunFailed", "UnknownName", "WeightloomError"),
    "mlp": ("MLPSpace",),
    "module": ("ModuleSpace",),
    "opening": ("open_space",),
    "registry": ("SPACES", "Registry"),
    "space": ("SearchSpace",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """What is listed above, from its file; kept, so that this is asked once for each name."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    return found
