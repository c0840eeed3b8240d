"""What has to be emitted for one architecture: its parameter tensors, optional wires and maskable neurons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from search_spaces.architecture import Architecture, Edge, Node
from search_spaces.operations import OPERATIONS

if TYPE_CHECKING:
    from torch import nn

Role = Literal["weight", "bias", "scale", "shift", "other"]


@dataclass(frozen=True, kw_only=True)
class ParameterSpec:
    """One parameter tensor.

    Attributes:
        name: its name in the state dict.
        shape: as in the state dict; the first axis counts neurons or filters.
        role: weight or bias of a layer that mixes its inputs, scale or shift of a norm, or other.
        node: the architecture's node it belongs to.
        fan_in, fan_out: number of inputs and outputs that one entry's row mixes (1 for norms).
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    node: str
    fan_in: int
    fan_out: int


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Read off a built module on the meta device.

    Attributes:
        architecture: the graph; for a user's own module a chain of its layers.
        parameters: in the order of the state dict.
        maskable: (node, neurons) for each node whose neurons may be closed.
    """

    architecture: Architecture
    parameters: tuple[ParameterSpec, ...]
    maskable: tuple[tuple[str, int], ...]

    @property
    def optional_edges(self) -> tuple[Edge, ...]:
        """The wires that a gate may close."""
        return self.architecture.optional_edges

    @property
    def key(self) -> str:
        """The architecture's canonical key."""
        return self.architecture.key

    @cached_property
    def parameter_count(self) -> int:
        """Number of scalar parameters."""
        total = 0
        for spec in self.parameters:
            count = 1
            for side in spec.shape:
                count *= side
            total += count
        return total

    @classmethod
    def of(cls, architecture: Architecture) -> Blueprint:
        """The blueprint of an architecture (cached)."""
        return _of(architecture)

    @classmethod
    def of_module(cls, module: nn.Module) -> Blueprint:
        """The blueprint of any module: its layers with parameters as a chain, nothing optional.

        The module's own parameters are only looked at for their shapes; it may be on the meta device.
        """
        parameters = tuple(_specs(module, lambda path: path or "module"))
        names = list(dict.fromkeys(spec.node for spec in parameters))
        layers = dict(module.named_modules())
        nodes = [Node(name="input", operation="input")] + [
            Node(name=name, operation=type(layers.get(name, module)).__name__) for name in names
        ]
        edges = tuple(Edge(source=a.name, target=b.name) for a, b in zip(nodes, nodes[1:], strict=False))
        architecture = Architecture(space="module", nodes=tuple(nodes), edges=edges)
        return cls(architecture=architecture, parameters=parameters, maskable=())


@lru_cache(maxsize=65536)
def _of(architecture: Architecture) -> Blueprint:
    import torch

    from search_spaces.network import GraphNetwork

    with torch.device("meta"):
        module = GraphNetwork(architecture)
    parameters = tuple(_specs(module, lambda path: path.split(".")[0]))
    maskable = tuple(
        (node.name, int(node["width"]))
        for node in architecture.nodes[1:-1]
        if "width" in dict(OPERATIONS[node.operation].choices)
    )
    return Blueprint(architecture=architecture, parameters=parameters, maskable=maskable)


def _specs(module: nn.Module, node_of: object) -> Iterator[ParameterSpec]:
    assert callable(node_of)
    for path, layer in module.named_modules():
        is_norm = "norm" in type(layer).__name__.lower()
        own = dict(layer.named_parameters(recurse=False))
        weight = own.get("weight")
        for name, parameter in own.items():
            shape = tuple(parameter.shape)
            role: Role = "other"
            if name == "weight":
                role = "scale" if is_norm else "weight" if len(shape) >= 2 else "other"
            elif name == "bias":
                role = "shift" if is_norm else "bias"
            fan_in, fan_out = 1, 1
            if not is_norm and weight is not None and weight.dim() >= 2:
                fan_in, fan_out = weight[0].numel(), weight.shape[0] * weight[0, 0].numel()
            full = f"{path}.{name}" if path else name
            yield ParameterSpec(
                name=full, shape=shape, role=role, node=node_of(path), fan_in=fan_in, fan_out=fan_out
            )
