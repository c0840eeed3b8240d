"""Tokens: the one, lossless way between named tensors and rows that a generator can emit.

A token is one output neuron's (or filter's) row of a node: its bias, scale and shift on three fixed lanes,
then its incoming weights, in further tokens where there are more of them than a token is wide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from search_spaces import Blueprint, ParameterSpec, WeightloomError

# dimension names: networks, tokens = tokens of one network (padded to the longest in a batch),
# entries = LANES + width numbers of one token

LANES = 3
LANE_OF_ROLE = {"bias": 0, "scale": 1, "shift": 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenLayout:
    """Where everything of one network lies in its tokens.

    Attributes:
        blueprint: the network's.
        node: index of the architecture's node for each token.
        neuron: row within the node.
        chunk: which part of a row that is longer than a token.
        used: entries that hold a parameter.
        centre, scale: an entry's value at which it is neutral and its natural unit: 1/sqrt(fan-in) for
            weights and biases, around 0; 0.1 around 1 for scales of norms; 0.1 around 0 for the rest.
        maskable: tokens of neurons that may be closed.
        positions: per parameter name the flat positions of its elements in ``[tokens, entries]``.
    """

    blueprint: Blueprint
    node: Int[Tensor, " tokens"]
    neuron: Int[Tensor, " tokens"]
    chunk: Int[Tensor, " tokens"]
    used: Bool[Tensor, "tokens entries"]
    centre: Float[Tensor, "tokens entries"]
    scale: Float[Tensor, "tokens entries"]
    maskable: Bool[Tensor, " tokens"]
    positions: Mapping[str, Int[Tensor, ...]]

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchLayout:
    """The layouts of several networks side by side, padded with unused tokens."""

    layouts: tuple[TokenLayout, ...]
    node: Int[Tensor, "networks tokens"]
    neuron: Int[Tensor, "networks tokens"]
    chunk: Int[Tensor, "networks tokens"]
    real: Bool[Tensor, "networks tokens"]
    used: Bool[Tensor, "networks tokens entries"]
    centre: Float[Tensor, "networks tokens entries"]
    scale: Float[Tensor, "networks tokens entries"]
    maskable: Bool[Tensor, "networks tokens"]

    @property
    def blueprints(self) -> tuple[Blueprint, ...]:
        """One per network."""
        return tuple(layout.blueprint for layout in self.layouts)

    @cached_property
    def edge_real(self) -> Bool[Tensor, "networks edges"]:
        """Which optional edges exist, padded to the most that any of the networks has."""
        counts = [len(layout.blueprint.optional_edges) for layout in self.layouts]
        return torch.arange(max(counts, default=0)) < torch.tensor(counts)[:, None]

    def to(self, device: torch.device | str) -> BatchLayout:
        """The same on another device."""
        if self.node.device == torch.device(device):
            return self
        moved = {
            name: getattr(self, name).to(device)
            for name in ("node", "neuron", "chunk", "real", "used", "centre", "scale", "maskable")
        }
        batch = BatchLayout(layouts=self.layouts, **moved)
        batch.__dict__["edge_real"] = self.edge_real.to(device)
        return batch


@dataclass(frozen=True)
class WeightTokenizer:
    """Cuts networks into tokens and puts them together again, bit for bit.

    Attributes:
        width: number of weights in one token; a token has ``LANES + width`` entries.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 1:
            raise WeightloomError(f"tokenizer: width must be at least 1, got {self.width}")

    @property
    def entries(self) -> int:
        """Numbers in one token."""
        return LANES + self.width

    def layout(self, blueprint: Blueprint) -> TokenLayout:
        """Where everything lies (cached)."""
        return _layout(blueprint, self.width)

    def batch(self, blueprints: Sequence[Blueprint]) -> BatchLayout:
        """The layouts of several networks, padded to the longest."""
        if not blueprints:
            raise WeightloomError("tokenizer: expected at least one blueprint, got none")
        layouts = tuple(self.layout(blueprint) for blueprint in blueprints)

        def padded(name: str) -> Tensor:
            filler = 1.0 if name == "scale" else 0.0
            return pad_sequence([getattr(layout, name) for layout in layouts], True, filler)

        lengths = torch.tensor([len(layout) for layout in layouts])
        return BatchLayout(
            layouts=layouts,
            real=torch.arange(int(lengths.max())) < lengths[:, None],
            **{name: padded(name) for name in ("node", "neuron", "chunk", "used", "centre", "scale", "maskable")},
        )

    def tokenize(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> Float[Tensor, "tokens entries"]:
        """Tokens of one network; entries that hold no parameter are 0.

        Raises:
            WeightloomError: a tensor is missing, unknown, of another shape or of another type than the first.
        """
        self.check(state, blueprint)
        layout = self.layout(blueprint)
        first = state[blueprint.parameters[0].name]
        tokens = first.new_zeros(len(layout) * self.entries)
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            tokens[layout.positions[spec.name].reshape(-1).to(first.device)] = tensor.detach().reshape(-1)
        return tokens.reshape(len(layout), self.entries)

    def check(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
        """Check that tensors are those of the blueprint and fit into tokens, without laying any out; as `tokenize`."""
        _check_names(state, blueprint)
        first = state[blueprint.parameters[0].name]
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            if tuple(tensor.shape) != spec.shape:
                raise WeightloomError(f"tokenizer: {spec.name} must have shape {spec.shape}, got {tuple(tensor.shape)}")
            if tensor.dtype != first.dtype:
                raise WeightloomError(
                    f"tokenizer: {spec.name} must be {first.dtype} as the first tensor is, got {tensor.dtype}; "
                    "convert the module to one type"
                )

    def size(self, blueprint: Blueprint) -> int:
        """Tokens of a network, counted without laying any out."""
        return sum(rows * _chunks(_columns(specs), self.width) for (_, rows), specs in _groups(blueprint).items())

    def detokenize(
        self, tokens: Float[Tensor, "tokens entries"], blueprint: Blueprint
    ) -> dict[str, Float[Tensor, ...]]:
        """The named tensors of one network; ``tokens`` may be padded at its end."""
        layout = self.layout(blueprint)
        if tokens.shape[0] < len(layout) or tokens.shape[1] != self.entries:
            raise WeightloomError(
                f"tokenizer: expected at least {len(layout)} tokens of {self.entries} entries, "
                f"got {tuple(tokens.shape)}"
            )
        flat = tokens.reshape(-1)
        return {name: flat[index.to(flat.device)] for name, index in layout.positions.items()}


def _check_names(state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
    expected = {spec.name for spec in blueprint.parameters}
    if expected != set(state):
        raise WeightloomError(
            f"tokenizer: missing tensors {sorted(expected - set(state))}, "
            f"unknown tensors {sorted(set(state) - expected)}"
        )


@lru_cache(maxsize=16384)
def _layout(blueprint: Blueprint, width: int) -> TokenLayout:
    order = {node.name: i for i, node in enumerate(blueprint.architecture.nodes)}
    maskable = dict(blueprint.maskable)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("node", "neuron", "chunk", "used", "centre", "scale")}
    can_close: list[np.ndarray] = []
    positions: dict[str, Tensor] = {}
    start = 0
    for (node, rows), specs in _groups(blueprint).items():
        lanes, columns, total = _place(specs)
        chunks = _chunks(total, width)
        used = np.zeros((rows, chunks, LANES + width), dtype=bool)
        centre = np.zeros(used.shape, dtype=np.float32)
        scale = np.full(used.shape, 0.1, dtype=np.float32)
        for spec in specs:
            if spec.name in lanes:
                chunk, entry = np.zeros(1, dtype=np.int64), np.array([lanes[spec.name]])
            else:
                flat = columns[spec.name]
                chunk, entry = flat // width, LANES + flat % width
            used[:, chunk, entry] = True
            unit, neutral = _unit(spec)
            scale[:, chunk, entry], centre[:, chunk, entry] = unit, neutral
            index = (start + np.arange(rows)[:, None] * chunks + chunk) * (LANES + width) + entry
            positions[spec.name] = torch.from_numpy(index).reshape(spec.shape)
        count = rows * chunks
        parts["node"].append(np.full(count, order[node]))
        parts["neuron"].append(np.repeat(np.arange(rows), chunks))
        parts["chunk"].append(np.tile(np.arange(chunks), rows))
        for name, block in (("used", used), ("centre", centre), ("scale", scale)):
            parts[name].append(block.reshape(count, LANES + width))
        can_close.append(np.full(count, maskable.get(node) == rows))
        start += count
    joined = {name: torch.from_numpy(np.concatenate(blocks)) for name, blocks in parts.items()}
    return TokenLayout(
        blueprint=blueprint,
        maskable=torch.from_numpy(np.concatenate(can_close)),
        positions={spec.name: positions[spec.name] for spec in blueprint.parameters},
        **joined,
    )


def _groups(blueprint: Blueprint) -> dict[tuple[str, int], list[ParameterSpec]]:
    """Parameters that share tokens, by node and number of rows."""
    groups: dict[tuple[str, int], list[ParameterSpec]] = {}
    for spec in blueprint.parameters:
        groups.setdefault((spec.node, spec.shape[0] if spec.shape else 1), []).append(spec)
    return groups


def _chunks(columns: int, width: int) -> int:
    """Tokens of one row."""
    return max(1, math.ceil(columns / width))


def _lanes(specs: Sequence[ParameterSpec]) -> dict[str, int]:
    """Which parameters of a group ride on a lane."""
    lanes: dict[str, int] = {}
    for spec in specs:
        lane = LANE_OF_ROLE.get(spec.role)
        if lane is not None and len(spec.shape) == 1 and lane not in lanes.values():
            lanes[spec.name] = lane
    return lanes


def _columns(specs: Sequence[ParameterSpec]) -> int:
    """Numbers of one row of a group that ride on no lane."""
    lanes = _lanes(specs)
    return sum(math.prod(spec.shape[1:]) for spec in specs if spec.name not in lanes)


def _place(specs: Sequence[ParameterSpec]) -> tuple[dict[str, int], dict[str, np.ndarray], int]:
    """Which parameters of a group ride on a lane, and the columns of the others."""
    lanes = _lanes(specs)
    columns: dict[str, np.ndarray] = {}
    total = 0
    for spec in specs:
        if spec.name not in lanes:
            count = math.prod(spec.shape[1:])
            columns[spec.name] = np.arange(total, total + count)
            total += count
    return lanes, columns, total


def _unit(spec: ParameterSpec) -> tuple[float, float]:
    if spec.role in ("weight", "bias"):
        return 1.0 / math.sqrt(max(1, spec.fan_in)), 0.0
    return 0.1, 1.0 if spec.role == "scale" else 0.0
