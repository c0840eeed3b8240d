"""What a tracker shows of a whole run: every figure of its summary, the report's charts, files with lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.report.figures import all_figures
from workbench.summary import ExportRecord, GeneratorSummary, Summary, TrialSummary
from workbench.tracking.figures import flat_figures

PARTS = ("mean", "low", "high", "n")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: list[list[Any]]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Files that belong together.

    Attributes:
        name: unique in a project.
        kind: ``generator`` or ``network``.
        paths: files and folders, by the name that each gets.
        facts: where it comes from, as plain values.
    """

    name: str
    kind: str
    paths: Mapping[str, Path]
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """All that is shown of a run.

    Attributes:
        config: what it was, under names that sort.
        figures: ``GENERATOR/METRIC/mean`` and the like → value; None = not measured.
        tables, charts: by name; charts are plotly JSON.
        kept: generators first, then the networks that they made.
    """

    config: Mapping[str, Any]
    figures: Mapping[str, float | int | str | None]
    tables: Mapping[str, Table]
    charts: Mapping[str, dict[str, Any]]
    kept: list[Kept] = field(default_factory=list)


def shown_of(summary: Summary, folder: str | Path) -> Shown:
    """What there is to show of a run in ``folder``; files that are gone are left out."""
    charts = {}
    for figure in all_figures(summary):
        for number, panel in enumerate(figure.panels):
            title = panel.title.lower().replace(" ", "_").replace(",", "")
            name = f"{figure.key}/{title or number}" if len(figure.panels) > 1 else figure.key
            charts[name] = {
                **panel.spec,
                "layout": {**panel.spec["layout"], "title": {"text": panel.title or figure.title}},
            }
    return Shown(
        config={
            "task": summary.task,
            "space": summary.space,
            "seed": summary.seed,
            **{f"budget/{key}": value for key, value in summary.budget.items()},
            **{f"zoo/{key}": value for key, value in summary.zoo.items()},
            **{f"versions/{key}": value for key, value in summary.versions.items()},
        },
        figures={
            f"{name}/{key}": value
            for name, generator in summary.generators.items()
            for key, value in flat_figures(generator).items()
        }
        | {"seconds": summary.seconds, "created": summary.created},
        tables={
            "generators": _generators(summary.generators),
            "architectures": _architectures(summary.generators),
            "trials": _trials(summary.trials),
            "exports": _exports(summary.exports),
        },
        charts=charts,
        kept=_kept(summary, Path(folder)),
    )


def _generators(generators: Mapping[str, GeneratorSummary]) -> Table:
    metrics = list(dict.fromkeys(metric for g in generators.values() for metric in g.metrics))
    rows: list[list[Any]] = []
    for name, g in generators.items():
        found = [g.metrics.get(metric) for metric in metrics]
        values = [None if one is None else getattr(one, part) for one in found for part in PARTS]
        rows.append([name, g.kind, g.mode, ", ".join(verdict.label for verdict in g.verdict), *values])
    columns = ("generator", "kind", "mode", "verdict", *(f"{metric}/{part}" for metric in metrics for part in PARTS))
    return Table(columns=columns, rows=rows)


def _architectures(generators: Mapping[str, GeneratorSummary]) -> Table:
    rows = [[name, *row.model_dump().values()] for name, g in generators.items() for row in g.architectures]
    columns = ("generator", "key", "name", "parameters", "score", "real_score", "fidelity", "collapse", "max_iou")
    return Table(columns=columns, rows=rows)


def _trials(trials: list[TrialSummary]) -> Table:
    objectives = list(dict.fromkeys(name for trial in trials for name in trial.values))
    rows = [
        [t.number, t.family, t.mode, t.state, t.seconds, *(t.values.get(name) for name in objectives), t.reason]
        for t in trials
    ]
    return Table(columns=("trial", "family", "mode", "state", "seconds", *objectives, "reason"), rows=rows)


def _exports(exports: list[ExportRecord]) -> Table:
    columns = ("path", "format", "generator", "architecture", "score", "difference", "opset", "bytes", "sha256")
    return Table(columns=columns, rows=[[getattr(export, name) for name in columns] for export in exports])


def _kept(summary: Summary, folder: Path) -> list[Kept]:
    found: list[Kept] = []
    makers: dict[str, str] = {}
    saved: set[int] = set()
    for family, g in summary.generators.items():
        if g.kind != "family" or g.trial is None or g.trial in saved:  # a finished row has its family's generator
            continue
        place = folder / "generators" / f"trial-{g.trial:03d}"
        if not place.is_dir():
            continue
        saved.add(g.trial)
        makers[g.family] = f"{summary.name}-{family}-generator"
        facts: dict[str, Any] = {
            "task": summary.task,
            "space": summary.space,
            "zoo": summary.zoo.get("hash"),
            "mode": g.mode,
        }
        facts |= {"family": g.family, "trial": g.trial, "fidelity": g.mean("fidelity"), "collapse": g.mean("collapse")}
        found.append(Kept(name=makers[g.family], kind="generator", paths={"": place}, facts=facts))
    stems: dict[str, list[ExportRecord]] = {}
    for export in summary.exports:
        path = PurePosixPath(export.path)
        stems.setdefault(path.name if export.format == "hub" else path.stem, []).append(export)
    for stem, exports in stems.items():
        paths = {PurePosixPath(e.path).name: folder / e.path for e in exports}
        paths = {name: path for name, path in paths.items() if path.exists()}
        if paths:
            first = exports[0]
            facts = {"generator": makers.get(first.generator, first.generator), "architecture": first.architecture}
            facts |= {"score": first.score, "sha256": {PurePosixPath(e.path).name: e.sha256 for e in exports}}
            found.append(Kept(name=f"{summary.name}-{stem}", kind="network", paths=paths, facts=facts))
    return found
