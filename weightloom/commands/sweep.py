"""``weightloom sweep``: the main job."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from search_spaces.errors import WeightloomError
from search_spaces.secrets import redacted
from weightloom.commands.engines import Sharing
from weightloom.commands.options import Assignments, Json, Remote, RunsFolder, Storage, words
from weightloom.commands.running import again, changed, fail_if_problems, print_starting, running
from weightloom.commands.worker import worker_arguments
from weightloom.terminal import export_words, print_comparison, print_json, print_pairs

if TYPE_CHECKING:
    from workbench.summary import Summary


def sweep(
    preset: str | None = None,
    /,
    *,
    status: str | None = None,
    name: str | None = None,
    generators: str | None = None,
    trials: int | None = None,
    sharing: Sharing = Sharing(),  # noqa: B008 (frozen)
    storage: Storage = None,
    remote: Remote = None,
    seed: int | None = None,
    task: str | None = None,
    data: str | None = None,
    space: str | None = None,
    tracker: Literal["wandb", "none"] | None = None,
    wandb_online: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    print_config: bool = False,
    runs_folder: RunsFolder = Path("runs"),
    json: Json = False,
) -> int:
    """Train generators of several families, compare them with baselines, export the best network.

    **Example:** `weightloom sweep demo --name first --trials 9 --set training.steps=200 zoo.test=8`

    **Example:** `weightloom sweep --status first` from another terminal

    Ctrl-C once ends the running step, keeps everything and stops, twice stops at once; the same command with `--resume`
    goes on, also after a kill. `weightloom worker RUN` adds a worker by hand. `optuna-dashboard
    sqlite:///RUN/study.db` shows the trials.

    Args:
        preset: Name of a preset (`weightloom list presets`) or a YAML file such as RUN/config.yaml.
        name: Of the run and its folder; by default that of the preset.
        generators: Families to try, commas between; by default those of the preset.
        status: Name of a run, or its folder: say how it stands, and do nothing.
        trials: How many generators are trained.
        sharing: Who does the work.
        storage: postgresql://USER:PASSWORD@HOST/DATABASE keeps the trials, so that other machines can join; by default
            a file in the run's folder does.
        remote: URL that fsspec knows (s3://bucket/runs, file:///mnt/runs), where the run and its zoo are kept as well:
            fetched if they are not here, sent after each trial and in the end.
        seed: Of suggestions and training.
        task: See `weightloom list tasks`.
        data: Folder or file of the data, for tasks that read one.
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
    if status is not None:
        return _status(runs_folder / status if "/" not in status else Path(status), storage, json)
    if preset is None:
        raise WeightloomError(
            "sweep: expected a PRESET, got none; name one (`weightloom list presets`) or use --status"
        )
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
    from sweeps.config import resolve, with_generators

    config = resolve(preset, overrides)
    if generators is not None:
        config = with_generators(config, words(generators))
    if print_config:
        sys.stdout.write(config.to_yaml())
        return 0
    extra = ["--generators", generators] if generators is not None else []
    extra += sharing.words()
    extra += ["--storage", redacted(storage)] if storage is not None else []
    extra += ["--remote", redacted(remote)] if remote is not None else []
    command = again("sweep", preset, config.name, overrides, runs_folder, extra)
    folder = runs_folder / config.name
    with running(folder, "finished trials", f"{command} --resume") as display:
        from sweeps.study import run_sweep

        team = None
        if sharing.given or config.limits.given:  # a limit may have to end a process, and another takes over
            team = sharing.plan(worker_arguments(folder))
            if team.elsewhere and remote is not None:
                team = replace(team, arguments=(*team.arguments, "--remote", remote))
        summary = run_sweep(
            config,
            runs_folder,
            resume=resume,
            overwrite=overwrite,
            watcher=display,
            command=command,
            storage=storage,
            team=team,
            remote=remote,
        )
    _show(summary, folder, json)
    fail_if_problems([summary])
    return 0


def _status(folder: Path, storage: str | None, json: bool) -> int:
    from sweeps.status import status_of

    found = status_of(folder, storage)
    if json:
        print_json(found)
        return 0
    left = found["seconds_left"]
    rows = [(key, str(found[key])) for key in ("name", "storage", "trials")]
    rows += [(key, str(found[key])) for key in ("complete", "running", "failed", "pruned", "waiting", "interrupted")]
    rows.append(("time left", "unknown" if left is None else f"about {left:.0f} s"))
    for name, best in found["best"].items():
        rows.append(
            (f"best {name.replace('_', ' ')}", f"{best['value']:.4g}  (trial {best['trial']}, {best['family']})")
        )
    print_pairs(rows)
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
