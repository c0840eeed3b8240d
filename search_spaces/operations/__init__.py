"""The operations a node may have: choices, shapes, parameters and operations of each, known without torch."""

from search_spaces.operations.inference import (
    check,
    compactable,
    flops,
    main_source,
    maskable,
    memory,
    node_flops,
    node_parameters,
    parameters,
    shapes,
    width_of,
)
from search_spaces.operations.mixing import ATTENTIONS
from search_spaces.operations.operation import ACTIVATIONS, LARGEST, NORMS, SPATIAL_NORMS, Operation, Shape
from search_spaces.operations.table import OPERATIONS

__all__ = [
    "ACTIVATIONS",
    "ATTENTIONS",
    "LARGEST",
    "NORMS",
    "OPERATIONS",
    "SPATIAL_NORMS",
    "Operation",
    "Shape",
    "check",
    "compactable",
    "flops",
    "main_source",
    "maskable",
    "memory",
    "node_flops",
    "node_parameters",
    "parameters",
    "shapes",
    "width_of",
]
