"""``weightloom evaluate``: a saved generator against the zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from weightloom.commands.options import Assignments, Json, RunsFolder, weights_of
from weightloom.commands.running import print_starting
from weightloom.figures import show_figures
from weightloom.terminal import watching


def evaluate(
    folder: Path,
    /,
    *,
    preset: str = "demo",
    latents: int | None = None,
    density: float | None = None,
    sparsity: float | None = None,
    data: str | None = None,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    runs_folder: RunsFolder = Path("runs"),
    json: Json = False,
) -> int:
    """Measure a saved generator on test architectures, on the task and space it was made for.

    **Example:** `weightloom evaluate runs/demo/generators/trial-002 --latents 8 --sparsity 0.8`

    Args:
        folder: Of the saved generator.
        preset: Whose zoo and evaluation are used.
        latents: Networks generated for each architecture.
        density: Share of hidden neurons to keep.
        sparsity: Share of weights that are zero.
        data: Folder of the task's data, if it is no longer where it was.
        changes: Change any other setting of the preset, KEY=VALUE with dotted keys.
        runs_folder: In its .zoo the trained networks are kept.
        json: Print one JSON object on stdout.
    """
    from sweeps.reading import assignments

    weights = None if sparsity is None else weights_of(sparsity)
    print_starting(preset)
    from sweeps.single import evaluate_one

    given = {"evaluation.latents": latents, "evaluation.density": density, "evaluation.weights": weights, "data": data}
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    overrides |= assignments(changes or [], "--set")
    with watching() as display:
        name, found = evaluate_one(folder, preset=preset, overrides=overrides, runs=runs_folder, watcher=display)
    show_figures(found.metrics, list(found.verdict), {"generator": name, "folder": str(folder)}, json)
    return 0
