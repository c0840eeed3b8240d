"""Pictures of the exported architectures: the best one, and one of each generator besides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from markupsafe import Markup

from search_spaces import WeightloomError
from search_spaces.draw import draw
from workbench.summary import ExportRecord, Summary


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawn architecture.

    Attributes:
        title: whose network it is.
        svg: the drawing, whose texts are escaped; it has neither script nor style sheet.
    """

    title: str
    svg: Markup


def pictures(summary: Summary, folder: str | Path) -> list[Picture]:
    """Draw the best export of each generator, the best of all first; equal architectures once.

    Architectures are read from the exported ``.safetensors`` files under ``folder``. Those that are gone or
    damaged are left out: a report can be made of a summary alone.
    """
    best: dict[str, ExportRecord] = {}
    for export in sorted(summary.exports, key=lambda e: e.score, reverse=True):
        path = PurePosixPath(export.path.replace("\\", "/"))
        if path.suffix == ".safetensors" and not path.is_absolute() and ".." not in path.parts:
            best.setdefault(export.generator, export)
    if not best:
        return []
    from workbench.export import read_network  # imports ONNX, which a page without exports has no use for

    owners: dict[str, list[str]] = {}
    drawn: dict[str, str] = {}
    for generator, export in best.items():
        try:
            architecture = read_network(Path(folder) / export.path).architecture
            drawn.setdefault(architecture.key, draw(architecture))
        except WeightloomError:
            continue
        owners.setdefault(architecture.key, []).append(f"{generator} (score {export.score:.3f})")
    return [
        Picture(title=("Best: " if i == 0 else "") + ", ".join(owners[key]), svg=Markup(svg))
        for i, (key, svg) in enumerate(drawn.items())
    ]
