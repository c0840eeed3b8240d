"""What has to be emitted for one architecture: its parameter tensors, optional wires and maskable neurons."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from search_spaces.architecture import Architecture, Edge, Node, Value
from search_spaces.errors import WeightloomError
from search_spaces.operations import maskable
from search_spaces.operations import parameters as count_parameters
from search_spaces.operations.foreign import NUMBER

if TYPE_CHECKING:
    from torch import nn

MOST_PARAMETERS = 2**40
"""Of one network. Beyond some millions of times as many torch cannot even say how large a tensor is."""
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
        architecture: the graph; for a module without a space a chain of its layers.
        parameters: in the order of the state dict.
        maskable: (node, neurons) for each node whose neurons may be closed.
    """

    architecture: Architecture
    parameters: tuple[ParameterSpec, ...]
    maskable: tuple[tuple[str, int], ...]

    def __hash__(self) -> int:
        return hash(self.architecture)  # its parameters follow from it

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
        return sum(math.prod(spec.shape) for spec in self.parameters)

    @classmethod
    def of(cls, architecture: Architecture) -> Blueprint:
        """The blueprint of an architecture (cached)."""
        return _of(architecture)

    @classmethod
    def of_module(cls, module: nn.Module) -> Blueprint:
        """The blueprint of any module: its layers with parameters as a chain, nothing optional.

        Every parameter of ``module.named_parameters()`` once (tied ones under their first name). The
        architecture's nodes are called as the layers and have the shapes of their parameters as choices.
        The module's own parameters are only looked at for their shapes; it may be on the meta device.
        """
        paths = dict(module.named_modules())
        root, first = (free_word(word, paths) for word in ("module", "input"))
        parameters = tuple(specs_of(module, lambda path: path or root))
        if not parameters:
            raise WeightloomError(f"blueprint: expected a module with parameters, got {type(module).__name__}")
        nodes = [Node(name=first, operation="input")] + [
            Node(name=name, operation="layer", choices=(("kind", type(paths.get(name, module)).__name__), *sides))
            for name, sides in layer_sides(parameters).items()
        ]
        edges = tuple(Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes))
        architecture = Architecture(space="module", nodes=tuple(nodes), edges=edges)
        return cls(architecture=architecture, parameters=parameters, maskable=())


@lru_cache(maxsize=65536)
def _of(architecture: Architecture) -> Blueprint:
    import torch

    from search_spaces.building import network_of

    if architecture.space != "module" and (count := count_parameters(architecture)) > MOST_PARAMETERS:
        raise WeightloomError(
            f"architecture: expected at most {MOST_PARAMETERS:,} parameters, got {count:,}; use a smaller one"
        )
    with torch.device("meta"):
        network = network_of(architecture)
    parameters = tuple(specs_of(network, network.node_of))
    return Blueprint(architecture=architecture, parameters=parameters, maskable=maskable(architecture))


def free_word(word: str, taken: Container[str]) -> str:
    """The word, made longer until it is not taken."""
    while word in taken:
        word = f"{word}_"
    return word


def layer_sides(parameters: Iterable[ParameterSpec]) -> dict[str, list[tuple[str, Value]]]:
    """Per node the sides of its parameters as choices of a ``layer``: ``weight.0``, ``weight.1`` and so on."""
    sides: dict[str, list[tuple[str, Value]]] = {}
    for spec in parameters:
        own = spec.name.rpartition(".")[2]
        shape = [(f"{own}.{axis}", side) for axis, side in enumerate(spec.shape)]
        sides.setdefault(spec.node, []).extend(shape or [(own, NUMBER)])
    return sides


def specs_of(module: nn.Module, node_of: Callable[[str], str]) -> Iterator[ParameterSpec]:
    """Every parameter of ``module.named_parameters()``, layer by layer; ``node_of`` names a submodule's node."""
    unique = {name for name, _ in module.named_parameters()}
    for path, layer in module.named_modules():
        is_norm = "norm" in type(layer).__name__.lower()
        own = dict(layer.named_parameters(recurse=False))
        for name, parameter in own.items():
            full = f"{path}.{name}" if path else name
            if full not in unique:
                continue
            shape = tuple(parameter.shape)
            role: Role = "other"
            if "weight" in name:  # also in_proj_weight of attention, weight_ih_l0 of recurrence
                role = "scale" if is_norm else "weight" if len(shape) >= 2 else "other"
            elif "bias" in name:
                role = "shift" if is_norm else "bias"
            weight = own.get(name.replace("bias", "weight"))
            weight = own.get("weight") if weight is None else weight
            fan_in, fan_out = 1, 1
            if not is_norm and weight is not None and weight.dim() >= 2:
                rows, _, *window = weight.shape
                fan_in, fan_out = math.prod(weight.shape[1:]), rows * math.prod(window)
            yield ParameterSpec(name=full, shape=shape, role=role, node=node_of(path), fan_in=fan_in, fan_out=fan_out)
