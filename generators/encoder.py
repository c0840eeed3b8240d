"""The blueprint encoder that all families share: a graph network over nodes, and coordinates of tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from generators.token_groups import Window
from generators.tokens import BatchLayout, TokenLayout
from search_spaces import NODE_FEATURES, Architecture, encode

# dimension names: networks, tokens, edges as in generators.tokens; nodes = nodes of a graph (padded), d = width

CODE = 32
"""Length of the pseudo-random code of a neuron's index."""
FIRST = 4096
"""Codes of so many neurons are kept."""


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


@dataclass(frozen=True, kw_only=True)
class EncodedNodes:
    """What the encoder says of graphs.

    Attributes:
        each: one vector per node.
        graph: one per network.
        shared: what all tokens of a node have in common.
    """

    each: Float[Tensor, "networks nodes d"]
    graph: Float[Tensor, "networks d"]
    shared: Float[Tensor, "networks nodes d"]


def index_code(index: Int[Tensor, "*any"], seed: int = 0) -> Float[Tensor, "*any code"]:
    """A code of unit variance for any whole number, nearly orthogonal for differing numbers.

    Fixed random Fourier features with frequencies up to pi (Rahimi & Recht 2007): no table, so no largest
    index, and no two neurons get the same code.
    """
    frequency, phase = _waves(seed, index.device)
    return math.sqrt(2.0) * torch.cos(index.to(torch.float32)[..., None] * frequency + phase)


@lru_cache(maxsize=16)
def _waves(seed: int, device: torch.device) -> tuple[Float[Tensor, " code"], Float[Tensor, " code"]]:
    """Frequencies and phases of ``index_code``."""
    generator = torch.Generator().manual_seed(seed)
    frequency = torch.rand(CODE, generator=generator) * math.pi
    phase = torch.rand(CODE, generator=generator) * 2 * math.pi
    return frequency.to(device), phase.to(device)


@lru_cache(maxsize=2)
def _first_codes(device: torch.device) -> Float[Tensor, "first code"]:
    return index_code(torch.arange(FIRST, device=device))


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
        """Encode every blueprint of ``layout``; equal ones only once."""
        few, _ = layout.distinct
        once = self.once(few)
        return Encoded(**{name: layout.spread(getattr(once, name)) for name in ("tokens", "graph", "edges")})

    def once(self, layout: BatchLayout) -> Encoded:
        """Encode the blueprints of a layout without repeats."""
        nodes = self.nodes(tuple(part.blueprint.architecture for part in layout.layouts))
        count, longest = nodes.shared.shape[:2]
        place = layout.node if count == 1 else layout.node + longest * torch.arange(count, device=self.device)[:, None]
        node = nodes.shared.flatten(0, 1).index_select(0, place.flatten()).view(*place.shape, -1)
        known = pad_sequence([_coordinates(part) for part in layout.layouts], True).to(self.device)
        tokens = self.coordinates(known) + node
        return Encoded(tokens=tokens, graph=nodes.graph, edges=self._edges(layout, nodes.each))

    @property
    def device(self) -> torch.device:
        """Where it lives."""
        return self.embed.weight.device

    def nodes(self, architectures: tuple[Architecture, ...]) -> EncodedNodes:
        """Encode graphs, tokens apart."""
        features, wires, share = (part.to(self.device) for part in _graphs(architectures))
        count, longest = features.shape[:2]
        h = self.embed(features)
        for message, norm in zip(self.messages, self.norms, strict=True):
            heard = torch.bmm(wires, h).view(count, 4, longest, -1).transpose(1, 2).flatten(2)
            h = norm(h + nn.functional.gelu(message(torch.cat([h, heard], dim=-1))))
        graph = torch.bmm(share, h)
        return EncodedNodes(each=h, graph=graph[:, 0], shared=self.from_node(h) + self.from_graph(graph))

    def windows(
        self, windows: Sequence[Window], rows_of: Mapping[int, int], nodes: Float[Tensor, "nodes d"]
    ) -> Float[Tensor, "tokens d"]:
        """Tokens of some rows of one network as ``once`` has them; what the rows of a group share is computed once.

        Args:
            windows: their tokens follow each other, row by row.
            rows_of: rows of each node, by its place.
            nodes: as encoded.
        """
        by_row, by_chunk, by_used, by_place = self.coordinates.weight.T.split([CODE, CODE, 1, 1])
        places = [np.arange(window.start, window.stop) for window in windows]
        neuron = torch.from_numpy(np.concatenate(places)).to(self.device)
        share = np.concatenate([p / rows_of[w.group.node] for p, w in zip(places, windows, strict=True)])
        few = max(window.stop for window in windows) <= FIRST
        codes = _first_codes(self.device).index_select(0, neuron) if few else index_code(neuron)
        own = torch.addmm(torch.from_numpy(share.astype(np.float32)).to(self.device)[:, None] * by_place, codes, by_row)
        counts = [window.group.chunks for window in windows]
        chunk = torch.from_numpy(np.concatenate([np.arange(count) for count in counts])).to(self.device)
        used = torch.cat([_size(window.group.row[0].sum(-1)) for window in windows]).to(self.device)
        node = torch.from_numpy(np.repeat([window.group.node for window in windows], counts)).to(self.device)
        shared = index_code(chunk, seed=1) @ by_chunk + used[:, None] * by_used + self.coordinates.bias + nodes[node]
        parts = zip(own.split([window.rows for window in windows]), shared.split(counts), strict=True)
        return torch.cat([(rows[:, None] + chunks).flatten(0, 1) for rows, chunks in parts])

    def _edges(self, layout: BatchLayout, h: Tensor) -> Float[Tensor, "networks edges d"]:
        if not layout.edge_real.shape[1]:
            return h.new_zeros(len(h), 0, h.shape[-1])
        ends = pad_sequence([_ends(part) for part in layout.layouts], True).to(h.device)
        network = torch.arange(len(h), device=h.device)[:, None]
        return self.edge(torch.cat([h[network, ends[..., 0]], h[network, ends[..., 1]]], dim=-1))


# what follows depends on layouts alone; batches of the same ones come again and again


@lru_cache(maxsize=4)
def _graphs(architectures: tuple[Architecture, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Features ``[networks, nodes, features]``; wires, four kinds and ways on end; each node's share of its graph."""
    arrays = [encode(architecture) for architecture in architectures]
    count, longest = len(arrays), max(len(a.nodes) for a in arrays)
    features = torch.zeros(count, longest, NODE_FEATURES)
    wires = torch.zeros(count, 4, longest, longest)
    share = torch.zeros(count, 1, longest)
    for i, a in enumerate(arrays):
        n = len(a.nodes)
        features[i, :n] = torch.from_numpy(a.nodes)
        for k, kind in enumerate((a.main, a.main.T, a.skip, a.skip.T)):
            wires[i, k, :n, :n] = torch.from_numpy(kind)
        share[i, :, :n] = 1.0 / n
    return features, wires.flatten(1, 2), share


@lru_cache(maxsize=1024)
def _coordinates(layout: TokenLayout) -> Float[Tensor, "tokens coordinates"]:
    last = layout.neuron.new_zeros(int(layout.node.max()) + 1)
    last = last.scatter_reduce(0, layout.node, layout.neuron, "amax")
    return coordinates(layout.neuron, layout.chunk, layout.used.sum(-1), last[layout.node] + 1)


def coordinates(
    neuron: Int[Tensor, " tokens"], chunk: Int[Tensor, " tokens"], used: Int[Tensor, " tokens"], rows: Tensor
) -> Float[Tensor, "tokens coordinates"]:
    """What a token knows of its place.

    Args:
        neuron: row within its node.
        chunk: part of that row.
        used: how many of its entries hold a parameter.
        rows: of its node, one number or one for each token.
    """
    place = neuron / rows
    return torch.cat([index_code(neuron), index_code(chunk, seed=1), _size(used)[:, None], place[:, None]], dim=-1)


def _size(used: Int[Tensor, " tokens"]) -> Float[Tensor, " tokens"]:
    return used.float().log1p() / 4


@lru_cache(maxsize=4096)
def _ends(layout: TokenLayout) -> Int[Tensor, "edges ends"]:
    """Nodes at the ends of the optional edges."""
    order = {node.name: i for i, node in enumerate(layout.blueprint.architecture.nodes)}
    edges = layout.blueprint.optional_edges
    return torch.tensor([[order[edge.source], order[edge.target]] for edge in edges]).reshape(-1, 2).long()
