"""The operations a node may have: choices, shapes, parameters and operations of each, known without torch."""

from search_spaces.operations.foreign import FOREIGN, is_foreign
from search_spaces.operations.inference import (
    check,
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
from search_spaces.operations.table import OPERATIONS, operation_of

__all__ = [
    "ACTIVATIONS",
    "ATTENTIONS",
    "FOREIGN",
    "LARGEST",
    "NORMS",
    "OPERATIONS",
    "SPATIAL_NORMS",
    "Operation",
    "Shape",
    "check",
    "flops",
    "is_foreign",
    "main_source",
    "maskable",
    "memory",
    "node_flops",
    "node_parameters",
    "operation_of",
    "parameters",
    "shapes",
    "width_of",
]
