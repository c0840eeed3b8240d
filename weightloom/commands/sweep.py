"""``weightloom sweep``: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from weightloom.commands.options import Assignments, Flag, Json, RunsFolder
from weightloom.commands.running import again, changed, fail_if_problems, print_starting, running
from weightloom.terminal import export_words, print_comparison, print_json, print_pairs

if TYPE_CHECKING:
    from workbench.summary import Summary


def sweep(
    preset: str,
    /,
    *,
    name: str | None = None,
    trials: int | None = None,
    seed: int | None = None,
    task: str | None = None,
    data: str | None = None,
    space: str | None = None,
    tracker: Literal["wandb", "none"] | None = None,
    wandb_online: Annotated[bool, Flag] = False,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    print_config: Annotated[bool, Flag] = False,
    runs_folder: RunsFolder = Path("runs"),
    json: Json = False,
) -> int:
    """Train generators of several families, compare them with baselines, export the best network.

    **Example:** `weightloom sweep demo --name first --trials 9 --set training.steps=200 zoo.test=8`

    Ctrl-C keeps every finished trial; the same command with `--resume` goes on.

    Args:
        preset: Name of a preset (`weightloom list presets`) or a YAML file such as RUN/config.yaml.
        name: Of the run and its folder; by default that of the preset.
        trials: How many generators are trained.
        seed: Of suggestions and training.
        task: See `weightloom list tasks`.
        data: Folder of the data, for tasks that read files.
        space: See `weightloom list spaces`.
        tracker: Where trials are recorded beside the run's folder.
        wandb_online: Let W&B use the network; offline otherwise.
        resume: Continue the run if it was begun before.
        overwrite: Remove the run if there is one, and start anew.
        changes: Change any setting, KEY=VALUE with dotted keys; `--print-config` shows them all.
        print_config: Print the resolved configuration as YAML and do nothing.
        runs_folder: Where runs are kept, and in .zoo the trained networks.
        json: Print one JSON object on stdout: paths and the whole summary.
    """
    given = {
        "name": name,
        "trials": trials,
        "seed": seed,
        "task": task,
        "data": data,
        "space": space,
        "tracker": tracker,
        "wandb_online": wandb_online or None,
    }
    overrides = changed(given, changes)
    print_starting(preset)
    from sweeps.config import resolve

    config = resolve(preset, overrides)
    if print_config:
        sys.stdout.write(config.to_yaml())
        return 0
    command = again("sweep", preset, config.name, overrides, runs_folder)
    folder = runs_folder / config.name
    with running(folder, "finished trials", command) as display:
        from sweeps.study import run_sweep

        summary = run_sweep(config, runs_folder, resume=resume, overwrite=overwrite, watcher=display, command=command)
    _show(summary, folder, json)
    fail_if_problems([summary])
    return 0


def _show(summary: Summary, folder: Path, json: bool) -> None:
    paths = {"summary": folder / "summary.json", "report": folder / "report.html"}
    if json:
        print_json(
            {
                "folder": str(folder),
                **{key: str(path) for key, path in paths.items()},
                "exports": [str(folder / export.path) for export in summary.exports],
                "result": summary.model_dump(mode="json", by_alias=True),
            }
        )
    else:
        print_comparison([summary])
        rows = [(key, str(path)) for key, path in paths.items()]
        rows += [("export", f"{folder / e.path}  ({e.format}, {export_words(e)})") for e in summary.exports]
        rows.append(("again", str(summary.budget["command"])))
        print()
        print_pairs(rows)
