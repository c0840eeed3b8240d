"""Where the boxes of a layered drawing stand, and the ways of its wires between them.

The method of Sugiyama, Tagawa & Toda (1981): layers by longest path, places held for wires that pass a layer,
an order with few crossings by means of neighbours, and positions near neighbours that keep the order.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAP_ACROSS, GAP_DOWN = 18.0, 34.0
PASSING = 8.0
"""Width held free for a wire that passes a layer."""
SWEEPS = 8

Point = tuple[float, float]
Place = str | tuple[int, int]
"""A node, or the place where edge number i passes a layer: (i, layer)."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A drawing without ink; all lengths in pixels, x to the right and y down, from (0, 0).

    Attributes:
        centres: of each node's box.
        ways: for each edge the middle of the source's box, a point in each layer passed, the middle of the
            target's box.
        width, height: of the whole.
    """

    centres: Mapping[str, Point]
    ways: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def place(widths: Mapping[str, float], edges: Sequence[tuple[str, str]], height: float) -> Layout:
    """Lay out a directed acyclic graph from top to bottom.

    No two boxes overlap, and no wire that turns only between layers crosses a box.

    Args:
        widths: of the nodes' boxes, in topological order.
        edges: (source, target).
        height: of every box.
    """
    layer = dict.fromkeys(widths, 0)
    into: dict[str, list[str]] = {name: [] for name in widths}
    for source, target in edges:
        into[target].append(source)
    for name in widths:
        layer[name] = max((layer[source] + 1 for source in into[name]), default=0)
    chains: list[list[Place]] = []
    for number, (source, target) in enumerate(edges):
        passed: list[Place] = [(number, at) for at in range(layer[source] + 1, layer[target])]
        chains.append([source, *passed, target])
    rows: list[list[Place]] = [[] for _ in range(max(layer.values()) + 1)]
    for name, at in layer.items():
        rows[at].append(name)
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
            if not isinstance(lower, str):
                rows[lower[1]].append(lower)
    across = _positions(rows, above, below, {**widths})
    least = min(across[p] - _width(p, widths) / 2 for row in rows for p in row)
    most = max(across[p] + _width(p, widths) / 2 for row in rows for p in row)

    def point(p: Place) -> Point:
        at = layer[p] if isinstance(p, str) else p[1]
        return across[p] - least, at * (height + GAP_DOWN) + height / 2

    return Layout(
        centres={name: point(name) for name in widths},
        ways=tuple(tuple(point(p) for p in chain) for chain in chains),
        width=most - least,
        height=len(rows) * (height + GAP_DOWN) - GAP_DOWN,
    )


def _positions(
    rows: list[list[Place]],
    above: Mapping[Place, list[Place]],
    below: Mapping[Place, list[Place]],
    widths: Mapping[str, float],
) -> dict[Place, float]:
    """Order each row by the means of its neighbours, then put each place near that mean."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        rank = {p: i / max(1, len(row) - 1) for row in rows for i, p in enumerate(row)}
        for row in rows if down else reversed(rows):
            mean = {p: _mean([rank[q] for q in neighbours.get(p, ())], rank[p]) for p in row}
            row.sort(key=mean.__getitem__)
            rank |= {p: i / max(1, len(row) - 1) for i, p in enumerate(row)}
    across: dict[Place, float] = {}
    for row in rows:
        _spread(row, dict.fromkeys(row, 0.0), widths, across)
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            wanted = {p: _mean([across[q] for q in neighbours.get(p, ())], across[p]) for p in row}
            _spread(row, wanted, widths, across)
    return across


def _spread(
    row: Sequence[Place], wanted: Mapping[Place, float], widths: Mapping[str, float], across: dict[Place, float]
) -> None:
    """The positions nearest to the wanted ones (least squares) that keep the order and the gaps.

    Pooling of adjacent violators (Ayer et al. 1955), after the gaps are taken off.
    """
    offsets: list[float] = []
    for i, p in enumerate(row):
        apart = (_width(row[i - 1], widths) + _width(p, widths)) / 2 + GAP_ACROSS if i else 0.0
        offsets.append((offsets[-1] if i else 0.0) + apart)
    pools: list[tuple[float, int]] = []
    for p, offset in zip(row, offsets, strict=True):
        total, count = wanted[p] - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, members = pools.pop()
            total, count = total + more, count + members
        pools.append((total, count))
    means = [total / count for total, count in pools for _ in range(count)]
    across |= {p: mean + offset for p, mean, offset in zip(row, means, offsets, strict=True)}


def _width(p: Place, widths: Mapping[str, float]) -> float:
    return widths[p] if isinstance(p, str) else PASSING


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
