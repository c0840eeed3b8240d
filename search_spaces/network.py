"""Networks: plain PyTorch modules of architectures, with or without closed neurons and wires."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Architecture
from search_spaces.errors import WeightloomError
from search_spaces.layers import ACTIVATION_FUNCTIONS, NORM_EPS, Dense, Select, make_layer, masked_layer_norm
from search_spaces.operations import is_foreign, operation_of, shapes

# dimension names: batch = examples, inputs = values of one example, width = neurons of a node, classes;
# edges = optional edges

__all__ = ["ACTIVATION_FUNCTIONS", "NORM_EPS", "Dense", "GraphNetwork", "Network", "masked_layer_norm"]


class Network(nn.Module, ABC):
    """The module of an architecture; made by `search_spaces.building.network_of`.

    Attributes:
        architecture: which it is.
        closed: optional wires (source, target) that `connect` closed.
    """

    architecture: Architecture
    closed: frozenset[tuple[str, str]]

    @property
    def selected_channels(self) -> dict[str, list[int]]:
        """Of a compacted network what its ``select`` nodes select, which no architecture holds; else nothing."""
        return {}

    @final
    def load(self, weights: Mapping[str, Tensor]) -> Network:
        """Take over the weights: every parameter by its name, tied ones once; returns the network itself.

        Raises:
            WeightloomError: one is missing or unknown.
        """
        known = {name for name, _ in self.named_parameters()}
        if known != set(weights):
            raise WeightloomError(
                f"network: missing weights {sorted(known - set(weights))}, unknown {sorted(set(weights) - known)}; "
                "expected those of its architecture"
            )
        self.load_state_dict({name: value.detach().cpu() for name, value in weights.items()}, strict=False)
        return self

    @abstractmethod
    def node_of(self, path: str) -> str:
        """The architecture's node that the submodule at ``path`` belongs to."""

    def connect(self, open_neurons: Mapping[str, Tensor], gates: Mapping[tuple[str, str], bool]) -> Network:
        """Close neurons and optional wires for good; returns the network itself.

        Args:
            open_neurons: per node a boolean tensor of its width.
            gates: per optional edge (source, target) whether it is open.
        """
        for name, mask in open_neurons.items():
            self.register_buffer(f"open_{name}", mask.bool(), persistent=False)
        self.closed = frozenset(edge for edge, is_open in gates.items() if not is_open)
        return self

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch inputs"],
        open_neurons: Mapping[str, Float[Tensor, " width"]] | None = None,
        gates: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """Logits of a batch of flattened examples, differentiable in weights and connectivity.

        Args:
            x: the examples.
            open_neurons: for maskable nodes 1 for an open neuron, 0 for a closed one; overrides ``connect``.
            gates: of the optional edges, in the architecture's order: what comes over the wire is multiplied by
                it (more entries than edges do not matter); overrides ``connect``.
        """


@final
class GraphNetwork(Network):
    """Runs an architecture's graph; parameters are called ``NODE.linear.weight`` and so on.

    Args:
        architecture: checked here.
        chosen: for a compacted network, per ``select`` node the channel of its input at each of its own places,
            −1 for zeros.
    """

    def __init__(self, architecture: Architecture, chosen: Mapping[str, Sequence[int]] | None = None) -> None:
        super().__init__()
        if is_foreign(architecture):
            raise WeightloomError(
                f"network: expected an architecture of our own operations, got {architecture} of a user's module; "
                "build it with search_spaces.building.network_of"
            )
        known = shapes(architecture)
        self.architecture = architecture
        self._example = known[architecture.nodes[0].name]
        self._sources = {n.name: tuple(e.source for e in architecture.edges_into(n.name)) for n in architecture.nodes}
        self._gated = {(e.source, e.target): i for i, e in enumerate(architecture.optional_edges)}
        self._joins = {n.name: n.operation for n in architecture.nodes if operation_of(n).takes == "many"}
        self.closed = frozenset()
        for node in architecture.nodes[1:]:
            shape = known[self._sources[node.name][0]]
            if len(shape) == 1 and node.name not in self._joins:
                self._resize(node.name, [known[source][0] for source in self._sources[node.name]])
            if hasattr(self, node.name) or node.name.startswith(("wire_", "open_")):
                raise WeightloomError(
                    f"node {node.name!r}: a module has an attribute of that name; call the node something else"
                )
            places = (chosen or {}).get(node.name)
            if node.operation == "select" and places is None:
                raise WeightloomError(
                    f"network: expected the channels that node {node.name!r} selects, which no architecture holds; "
                    "make such a network by workbench.export.compact"
                )
            if places is not None and not (
                node.operation == "select"
                and len(places) == known[node.name][0]
                and all(type(place) is int and -1 <= place < shape[0] for place in places)
            ):
                raise WeightloomError(
                    f"network: expected for node {node.name!r} {known[node.name][0]} channels of -1 to {shape[0] - 1} "
                    "to select, got others; write the network anew"
                )
            self.add_module(node.name, make_layer(node, shape) if places is None else Select(shape[0], places))

    @property
    def selected_channels(self) -> dict[str, list[int]]:
        """See `Network.selected_channels`; as it was given."""
        return {name: list(layer.places) for name, layer in self.named_children() if isinstance(layer, Select)}

    def node_of(self, path: str) -> str:
        """The first word of the path: nodes are the network's own children."""
        return path.partition(".")[0]

    def forward(
        self,
        x: Float[Tensor, "batch inputs"],
        open_neurons: Mapping[str, Float[Tensor, " width"]] | None = None,
        gates: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """See `Network.forward`."""
        values = {self.architecture.nodes[0].name: x if len(self._example) == 1 else x.unflatten(-1, self._example)}
        for node in self.architecture.nodes[1:]:
            parts = [
                part
                for i, source in enumerate(self._sources[node.name])
                if (part := self._incoming(values[source], source, node.name, i, gates)) is not None
            ]
            module = self.get_submodule(node.name)
            if node.name in self._joins:
                values[node.name] = module(parts)
                continue
            z = parts[0]
            for part in parts[1:]:
                z = z + part
            mask = (open_neurons or {}).get(node.name, getattr(self, f"open_{node.name}", None))
            values[node.name] = module(z) if mask is None else module(z, mask)
        return values[self.architecture.nodes[-1].name]

    def _incoming(
        self, value: Tensor, source: str, target: str, place: int, gates: Float[Tensor, " edges"] | None
    ) -> Tensor | None:
        """What comes over one wire; None for a closed one that can be left out."""
        index = getattr(self, f"wire_{target}_{place}", None)
        if gates is None and (source, target) in self.closed:
            return torch.zeros_like(value) if self._joins.get(target) == "concat" else None
        value = value if index is None else functional.pad(value, (0, 1)).index_select(-1, index)
        if gates is not None and (source, target) in self._gated:
            return value * gates[self._gated[source, target]]
        return value

    def _resize(self, name: str, widths: Sequence[int]) -> None:
        """Register how skips into a flat node are cut or padded to the width of its main input."""
        for i, width in enumerate(widths):
            if width != widths[0]:
                index = torch.arange(widths[0]).clamp_max(width)  # place ``width`` is the zero put behind
                self.register_buffer(f"wire_{name}_{i}", index, persistent=False)
