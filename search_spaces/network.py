"""The plain PyTorch module of an architecture, with or without closed neurons and wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.architecture import Architecture, Node
from search_spaces.errors import WeightloomError
from search_spaces.operations import check, main_source, width_of

# dimension names: batch = examples, inputs = values of one example, width = neurons of a node, classes

ACTIVATION_FUNCTIONS = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "none": lambda z: z,
}
NORM_EPS = 1e-5


class Dense(nn.Module):
    """Linear, then layer norm over the open neurons if asked for, then the activation."""

    def __init__(self, node: Node, inputs: int) -> None:
        super().__init__()
        width = int(node["width"])
        self.linear = nn.Linear(inputs, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS) if node["norm"] == "layer" else None
        self.activation = str(node["activation"])

    def forward(
        self, z: Float[Tensor, "batch inputs"], open_neurons: Bool[Tensor, " width"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """``open_neurons`` False means the neuron is gone: it puts out zero and no norm counts it."""
        h = self.linear(z)
        if self.norm is not None and open_neurons is None:
            h = self.norm(h)
        elif self.norm is not None and open_neurons is not None:
            h = masked_layer_norm(h, open_neurons.to(h.dtype)) * self.norm.weight + self.norm.bias
        h = ACTIVATION_FUNCTIONS[self.activation](h)
        return h if open_neurons is None else h * open_neurons


def masked_layer_norm(
    h: Float[Tensor, "*networks batch width"], open_neurons: Float[Tensor, "*networks width"]
) -> Float[Tensor, "*networks batch width"]:
    """Layer norm (Ba et al. 2016, eq. 4, without gain and bias) with mean and variance over open neurons."""
    mask = open_neurons[..., None, :]
    count = mask.sum(-1, keepdim=True).clamp_min(1.0)
    centred = h - (h * mask).sum(-1, keepdim=True) / count
    variance = (centred.square() * mask).sum(-1, keepdim=True) / count
    return centred * torch.rsqrt(variance + NORM_EPS)


class GraphNetwork(nn.Module):
    """Runs an architecture's graph; parameters are called ``NODE.linear.weight`` and so on.

    Args:
        architecture: checked here.
        wires: for a compacted network, per target node and incoming edge (main first) the position in the
            source's output for each position of the target's input, −1 where the source adds nothing.
            Without it, position i takes from position i.
    """

    def __init__(self, architecture: Architecture, wires: Mapping[str, Sequence[Sequence[int]]] | None = None) -> None:
        super().__init__()
        check(architecture)
        self.architecture = architecture
        self.sources = {n.name: tuple(e.source for e in architecture.edges_into(n.name)) for n in architecture.nodes}
        self.closed: frozenset[tuple[str, str]] = frozenset()
        wires = wires or {}
        for node in architecture.nodes[1:]:
            main_width = width_of(architecture, main_source(architecture, node.name))
            for i, source in enumerate(self.sources[node.name]):
                width = width_of(architecture, source)
                wire = list(wires[node.name][i]) if node.name in wires else _resize(width, main_width)
                if wire != list(range(width)):
                    index = torch.tensor([width if p < 0 else p for p in wire], dtype=torch.long)
                    self.register_buffer(f"wire_{node.name}_{i}", index, persistent=False)
                main_width = len(wire)
            if hasattr(self, node.name) or node.name.startswith(("wire_", "open_")):
                raise WeightloomError(
                    f"node {node.name!r}: a module has an attribute of that name; call the node something else"
                )
            module = nn.Identity() if node.operation == "identity" else Dense(node, main_width)
            self.add_module(node.name, module)

    def connect(self, open_neurons: Mapping[str, Tensor], gates: Mapping[tuple[str, str], bool]) -> GraphNetwork:
        """Close neurons and optional wires for good; returns the network itself.

        Args:
            open_neurons: per node a boolean tensor of its width.
            gates: per optional edge (source, target) whether it is open.
        """
        for name, mask in open_neurons.items():
            self.register_buffer(f"open_{name}", mask.bool(), persistent=False)
        self.closed = frozenset(edge for edge, is_open in gates.items() if not is_open)
        return self

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch classes"]:
        """Logits of a batch of flattened examples."""
        values = {self.architecture.nodes[0].name: x}
        for node in self.architecture.nodes[1:]:
            parts = [
                self._wired(values[source], f"wire_{node.name}_{i}")
                for i, source in enumerate(self.sources[node.name])
                if (source, node.name) not in self.closed
            ]
            z = parts[0]
            for part in parts[1:]:
                z = z + part
            module = self.get_submodule(node.name)
            mask = getattr(self, f"open_{node.name}", None)
            values[node.name] = module(z) if mask is None else module(z, mask)
        return values[self.architecture.nodes[-1].name]

    def _wired(self, value: Tensor, name: str) -> Tensor:
        index = getattr(self, name, None)
        return value if index is None else functional.pad(value, (0, 1)).index_select(-1, index)


def _resize(width: int, wanted: int) -> list[int]:
    return [i if i < width else -1 for i in range(wanted)]
