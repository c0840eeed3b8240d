"""Parameters whose rows ride on the same tokens, and what every row of them looks like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from search_spaces import Blueprint, ParameterSpec

# dimension names: chunks = tokens of one row, entries = LANES + width numbers of one token

LANES = 3
LANE_OF_ROLE = {"bias": 0, "scale": 1, "shift": 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenGroup:
    """All parameters of one node with the same number of rows.

    Attributes:
        node: index of the architecture's node.
        rows: neurons, filters: each has ``chunks`` tokens.
        specs: the parameters.
        width: weights in one token.
        lanes: per parameter on a lane which.
        columns: per other parameter the numbers of a row that are its own, in the order of its own axes.
        total: of these numbers.
    """

    node: int
    rows: int
    specs: tuple[ParameterSpec, ...]
    width: int
    lanes: Mapping[str, int]
    columns: Mapping[str, range]
    total: int

    @property
    def chunks(self) -> int:
        """Tokens of one row."""
        return max(1, math.ceil(self.total / self.width))

    @property
    def entries(self) -> int:
        """Entries at the beginning of a token, behind which no row has anything."""
        return LANES + min(self.width, self.total)

    def places(self, spec: ParameterSpec) -> tuple[np.ndarray, np.ndarray]:
        """Chunk and entry of each number that a row has of one parameter."""
        if spec.name in self.lanes:
            return np.zeros(1, dtype=np.int64), np.array([self.lanes[spec.name]])
        own = self.columns[spec.name]
        flat = np.arange(own.start, own.stop)
        return flat // self.width, LANES + flat % self.width

    @cached_property
    def row(
        self,
    ) -> tuple[Bool[Tensor, "chunks entries"], Float[Tensor, "chunks entries"], Float[Tensor, "chunks entries"]]:
        """Used entries, centres and scales, the same for every row; see `generators.tokens.TokenLayout`."""
        used = torch.zeros(self.chunks, LANES + self.width, dtype=torch.bool)
        centre, scale = torch.zeros(used.shape), torch.full(used.shape, 0.1)
        for spec in self.specs:
            place = tuple(torch.from_numpy(part) for part in self.places(spec))
            used[place] = True
            scale[place], centre[place] = _unit(spec)
        return used, centre, scale


class Window(NamedTuple):
    """Rows of a group, from ``start`` to the one before ``stop``."""

    group: TokenGroup
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start

    @property
    def tokens(self) -> int:
        """Of these rows."""
        return self.rows * self.group.chunks


@lru_cache(maxsize=8)
def token_groups(blueprint: Blueprint, width: int) -> tuple[TokenGroup, ...]:
    """In the order in which their tokens lie; the last ones stay, since a large network is emitted again and again."""
    order = {node.name: i for i, node in enumerate(blueprint.architecture.nodes)}
    found: dict[tuple[str, int], list[ParameterSpec]] = {}
    for spec in blueprint.parameters:
        found.setdefault((spec.node, spec.shape[0] if spec.shape else 1), []).append(spec)
    groups: list[TokenGroup] = []
    for (node, rows), specs in found.items():
        lanes, columns, total = _place(specs)
        groups.append(
            TokenGroup(
                node=order[node], rows=rows, specs=tuple(specs), width=width, lanes=lanes, columns=columns, total=total
            )
        )
    return tuple(groups)


def _place(specs: Sequence[ParameterSpec]) -> tuple[dict[str, int], dict[str, range], int]:
    """Which parameters of a group ride on a lane, and the columns of the others."""
    lanes: dict[str, int] = {}
    columns: dict[str, range] = {}
    total = 0
    for spec in specs:
        lane = LANE_OF_ROLE.get(spec.role)
        if lane is not None and len(spec.shape) == 1 and lane not in lanes.values():
            lanes[spec.name] = lane
        else:
            count = math.prod(spec.shape[1:])
            columns[spec.name] = range(total, total + count)
            total += count
    return lanes, columns, total


def _unit(spec: ParameterSpec) -> tuple[float, float]:
    """Scale and centre."""
    if spec.role in ("weight", "bias"):
        return 1.0 / math.sqrt(max(1, spec.fan_in)), 0.0
    return 0.1, 1.0 if spec.role == "scale" else 0.0
