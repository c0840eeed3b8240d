"""Accuracy against sparsity: what no other network of the same kind beats in both, by generator.

Test scores of the sparsity curves, for networks without neurons and networks without single weights apart: equal
shares of zero parameters cost differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from search_spaces.errors import printable
from workbench.summary import CurvePoint, Summary, shown

Kind = Literal["neurons", "weights"]
KINDS: dict[Kind, str] = {"weights": "single weights", "neurons": "neurons"}
"""What is taken away → how people say it."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The points of one generator and source.

    Attributes:
        generator: as in the summary; that of really trained networks for ``real-magnitude``.
        source: ``generated``, ``magnitude`` or ``real-magnitude``, as in ``CurvePoint``.
        kind: what was taken away.
        points: on its own front, by rising sparsity.
        dominated: the others.
        best: of ``points`` those that no point of any generator and source of this kind beats.
    """

    generator: str
    source: str
    kind: Kind
    points: tuple[CurvePoint, ...]
    dominated: tuple[CurvePoint, ...]
    best: tuple[bool, ...]


def non_dominated(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points that no other is at least equal to in both numbers and above in one.

    Higher is better in both. Equal points are all on the front. In the order of ``points``.
    """
    kept, top = [], float("-inf")
    order = sorted(range(len(points)), key=lambda i: points[i], reverse=True)
    last: tuple[float, float] | None = None
    for i in order:
        if points[i][1] > top or points[i] == last:
            kept.append(i)
            top, last = points[i][1], points[i]
    return sorted(kept)


def fronts(summary: Summary) -> list[Front]:
    """The fronts of every family, of its dense networks pruned by magnitude, and of really trained ones so pruned.

    The really trained networks as they are stand at a sparsity of zero among the last.
    """
    found: dict[tuple[Kind, str, str], list[CurvePoint]] = {}
    for kind in KINDS:
        for name, generator in summary.of_kind("family").items():
            for source in ("generated", "magnitude"):
                own = [p for p in generator.sparsity_curve if p.kind == kind and p.source == source]
                found[kind, name, source] = own
        real = _real(summary, kind)
        found[kind, next(iter(summary.of_kind("real")), "real"), "real-magnitude"] = real
    whole = {kind: [p for key, own in found.items() if key[0] == kind for p in own] for kind in KINDS}
    best = {kind: {id(all_[i]) for i in non_dominated(_pairs(all_))} for kind, all_ in whole.items()}
    made = []
    for (kind, name, source), own in found.items():
        kept = set(non_dominated(_pairs(own)))
        points = sorted((own[i] for i in kept), key=lambda point: point.sparsity)
        made.append(
            Front(
                generator=name,
                source=source,
                kind=kind,
                points=tuple(points),
                dominated=tuple(point for i, point in enumerate(own) if i not in kept),
                best=tuple(id(point) in best[kind] for point in points),
            )
        )
    with_curves = {front.kind for front in made if front.source != "real-magnitude" and front.points}
    return [front for front in made if front.points and front.kind in with_curves]


def front_table(summaries: Sequence[Summary]) -> Table | None:
    """The fronts for the terminal, a line each; None where no curve was recorded."""
    table = Table(
        title=Text("Accuracy against sparsity: zero parameters and test score where nothing of the line is better"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    several = len(summaries) > 1
    for heading in (*(("run",) if several else ()), "generator", "networks", "without", "front (* no line is better)"):
        table.add_column(heading, overflow="fold")
    for summary in summaries:
        for front in fronts(summary):
            cells = [summary.name] * several
            cells += [front.generator, SOURCES[front.source], KINDS[front.kind], "  ".join(_cells(front))]
            table.add_row(*(Text(printable(cell)) for cell in cells))
    return table if table.row_count else None


SOURCES = {
    "generated": "as generated",
    "magnitude": "generated, pruned by magnitude",
    "real-magnitude": "really trained, pruned by magnitude",
}
"""Where networks come from → how people say it."""


def _cells(front: Front) -> list[str]:
    pairs = zip(front.points, front.best, strict=True)
    return [f"{point.sparsity:.0%} {shown(point.mean)}{'*' if best else ''}" for point, best in pairs]


def _real(summary: Summary, kind: Kind) -> list[CurvePoint]:
    """Pruned real networks, which every generator's curve brings along alike, and the dense ones."""
    curves = (generator.sparsity_curve for generator in summary.generators.values())
    pruned = ([p for p in curve if p.kind == kind and p.source == "real-magnitude"] for curve in curves)
    points = next((own for own in pruned if own), [])
    for generator in summary.of_kind("real").values():
        score = generator.metrics.get("score")
        if score is not None and score.mean is not None and score.low is not None and score.high is not None:
            dense = CurvePoint(
                source="real-magnitude", kind=kind, sparsity=0.0, mean=score.mean, low=score.low, high=score.high
            )
            points = [dense, *(p for p in points if p.sparsity > 0)]
    return points


def _pairs(points: Sequence[CurvePoint]) -> list[tuple[float, float]]:
    return [(point.sparsity, point.mean) for point in points]
