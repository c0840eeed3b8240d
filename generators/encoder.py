"""The blueprint encoder that all families share: a graph network over nodes, and coordinates of tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from generators.tokens import BatchLayout
from search_spaces import NODE_FEATURES, encode

# dimension names: networks, tokens, edges as in generators.tokens; nodes = nodes of a graph (padded), d = width

CODE = 32
"""Length of the pseudo-random code of a neuron's index."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """What the encoder says of a batch of blueprints.

    Attributes:
        tokens: one vector per token, from its node, its coordinates and the whole graph.
        graph: one vector per network.
        edges: one vector per optional edge.
    """

    tokens: Float[Tensor, "networks tokens d"]
    graph: Float[Tensor, "networks d"]
    edges: Float[Tensor, "networks edges d"]


def index_code(index: Int[Tensor, "*any"], seed: int = 0) -> Float[Tensor, "*any code"]:
    """A code of unit variance for any whole number, nearly orthogonal for differing numbers.

    Fixed random Fourier features with frequencies up to pi (Rahimi & Recht 2007): no table, so no largest
    index, and no two neurons get the same code.
    """
    generator = torch.Generator().manual_seed(seed)
    frequency = torch.rand(CODE, generator=generator) * math.pi
    phase = torch.rand(CODE, generator=generator) * 2 * math.pi
    angle = index.to(torch.float32)[..., None] * frequency.to(index.device) + phase.to(index.device)
    return math.sqrt(2.0) * torch.cos(angle)


class BlueprintEncoder(nn.Module):
    """Message passing along and against the wires, apart for main and skip ones, then token coordinates.

    Args:
        d: width of all vectors.
        rounds: of message passing.
    """

    def __init__(self, d: int, rounds: int = 3) -> None:
        super().__init__()
        self.embed = nn.Linear(NODE_FEATURES, d)
        self.messages = nn.ModuleList(nn.Linear(5 * d, d) for _ in range(rounds))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(rounds))
        self.coordinates = nn.Linear(2 * CODE + 2, d)
        self.from_node = nn.Linear(d, d)
        self.from_graph = nn.Linear(d, d)
        self.edge = nn.Linear(2 * d, d)

    def forward(self, layout: BatchLayout) -> Encoded:
        """Encode every blueprint of ``layout``."""
        features, main, skip, real = self._graphs(layout)
        h = self.embed(features)
        for message, norm in zip(self.messages, self.norms, strict=True):
            inputs = torch.cat([h, main @ h, main.transpose(1, 2) @ h, skip @ h, skip.transpose(1, 2) @ h], dim=-1)
            h = norm(h + nn.functional.gelu(message(inputs)))
        graph = (h * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        node = torch.gather(self.from_node(h), 1, layout.node[..., None].expand(-1, -1, h.shape[-1]))
        tokens = self.coordinates(self._coordinates(layout)) + node + self.from_graph(graph)[:, None]
        return Encoded(tokens=tokens, graph=graph, edges=self._edges(layout, h))

    def _graphs(self, layout: BatchLayout) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        arrays = [encode(blueprint.architecture) for blueprint in layout.blueprints]
        longest = max(len(a.nodes) for a in arrays)
        count = len(arrays)
        features = torch.zeros(count, longest, NODE_FEATURES)
        main, skip = torch.zeros(count, longest, longest), torch.zeros(count, longest, longest)
        real = torch.zeros(count, longest)
        for i, a in enumerate(arrays):
            n = len(a.nodes)
            features[i, :n] = torch.from_numpy(a.nodes)
            main[i, :n, :n] = torch.from_numpy(a.main)
            skip[i, :n, :n] = torch.from_numpy(a.skip)
            real[i, :n] = 1.0
        device = layout.node.device
        return features.to(device), main.to(device), skip.to(device), real.to(device)

    def _coordinates(self, layout: BatchLayout) -> Float[Tensor, "networks tokens coordinates"]:
        entries = layout.used.sum(-1, keepdim=True).float()
        last = layout.neuron.new_zeros(len(layout.node), int(layout.node.max()) + 1)
        last = last.scatter_reduce(1, layout.node, layout.neuron, "amax")
        width = torch.gather(last, 1, layout.node) + 1
        place = layout.neuron / width
        return torch.cat(
            [
                index_code(layout.neuron),
                index_code(layout.chunk, seed=1),
                entries.log1p() / 4,
                place[..., None],
            ],
            dim=-1,
        )

    def _edges(self, layout: BatchLayout, h: Tensor) -> Float[Tensor, "networks edges d"]:
        ends = torch.zeros(*layout.edge_real.shape, 2, dtype=torch.long)
        for n, blueprint in enumerate(layout.blueprints):
            order = {node.name: i for i, node in enumerate(blueprint.architecture.nodes)}
            for k, edge in enumerate(blueprint.optional_edges):
                ends[n, k] = torch.tensor([order[edge.source], order[edge.target]])
        ends = ends.to(h.device)
        network = torch.arange(len(h), device=h.device)[:, None]
        return self.edge(torch.cat([h[network, ends[..., 0]], h[network, ends[..., 1]]], dim=-1))
