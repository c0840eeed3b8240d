"""``weightloom train``: one generator, without a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from weightloom.commands.options import Assignments, Json, Mode, RunsFolder
from weightloom.commands.running import print_starting
from weightloom.figures import show_figures
from weightloom.terminal import watching


def train(
    family: str,
    /,
    *,
    out: Path,
    mode: Mode | None = None,
    task: str | None = None,
    data: str | None = None,
    space: str | None = None,
    steps: int | None = None,
    seed: int | None = None,
    settings: Assignments = None,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    preset: str = "demo",
    runs_folder: RunsFolder = Path("runs"),
    json: Json = False,
) -> int:
    """Train one generator, save it and print its figures on test architectures.

    **Example:** `weightloom train mlp --mode task --steps 200 --settings hidden=128 --out my-generator`

    Args:
        family: A generator that learns, see `weightloom list generators`.
        out: Folder for the trained generator; must not hold one.
        mode: Way of training; by default the preset's first for the family.
        task: See `weightloom list tasks`.
        data: Folder or file of the data, for tasks that read one.
        space: See `weightloom list spaces`.
        steps: Optimiser steps of the last phase.
        seed: Of the training.
        settings: Settings of the generator, KEY=VALUE.
        changes: Change any other setting of the preset, KEY=VALUE with dotted keys.
        preset: Whose zoo, training and evaluation are used.
        runs_folder: In its .zoo the trained networks are kept.
        json: Print one JSON object on stdout.
    """
    from sweeps.reading import assignments

    print_starting(preset)
    from search_spaces.errors import WeightloomError
    from search_spaces.files import check_writable
    from sweeps.single import train_one

    if (out / "config.json").exists():
        raise WeightloomError(f"--out: expected a folder without a generator, got {out}; choose another")
    check_writable(out)
    given = {"task": task, "data": data, "space": space, "training.steps": steps, "training.seed": seed}
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    overrides |= assignments(changes or [], "--set")
    with watching() as display:
        summary = train_one(
            family,
            out,
            preset=preset,
            overrides=overrides,
            mode=mode,
            settings=assignments(settings or [], "--settings"),
            runs=runs_folder,
            watcher=display,
        )
    show_figures(summary.metrics, summary.verdict, {"generator": family, "folder": str(out)}, json)
    return 0
