"""``weightloom bench``: the whole protocol on zoos of every kind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from weightloom.commands.options import Assignments, Flag, Json, RunsFolder, again
from weightloom.commands.sweep import print_starting
from weightloom.stopping import Stopped
from weightloom.terminal import print_comparison, print_json, print_pairs, watching


def bench(
    preset: str = "demo",
    /,
    *,
    name: str | None = None,
    generators: str | None = None,
    kinds: str | None = None,
    repeats: int | None = None,
    task: str | None = None,
    data: str | None = None,
    space: str | None = None,
    seed: int | None = None,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    print_config: Annotated[bool, Flag] = False,
    runs_folder: RunsFolder = Path("runs"),
    json: Json = False,
) -> int:
    """Judge generators on zoos of every kind, several times each, beside all baselines and real training.

    **Example:** `weightloom bench demo --generators mlp,diffusion --repeats 3`

    Each family is trained as the preset's first trial of it says; a plug-in that the preset does not know gets the
    defaults. Ctrl-C keeps every finished row; the same command with `--resume` goes on.

    Args:
        preset: Name of a preset (`weightloom list presets`) or a YAML file.
        name: Of the run and its folder; by default bench-PRESET.
        generators: Families to judge, commas between; by default those of the preset.
        kinds: Of zoo, commas between: independent, shared-base, trajectory; all by default.
        repeats: Zoos of each kind, each with seeds, architectures and networks of its own.
        task: See `weightloom list tasks`.
        data: Folder of the data, for tasks that read files.
        space: See `weightloom list spaces`.
        seed: Of the first repeat's training.
        resume: Continue the run if it was begun before.
        overwrite: Remove the run if there is one, and start anew.
        changes: Change any setting, KEY=VALUE with dotted keys; `--print-config` shows them all.
        print_config: Print the resolved configuration as YAML and do nothing.
        runs_folder: Where runs are kept, and in .zoo the trained networks.
        json: Print one JSON object on stdout: paths and the summary of each kind.
    """
    from sweeps.reading import assignments

    given = {"name": name, "repeats": repeats, "task": task, "data": data, "space": space, "seed": seed}
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if kinds is not None:
        overrides["kinds"] = _words(kinds)
    overrides |= assignments(changes or [], "--set")
    overrides.setdefault("name", f"bench-{Path(preset).stem}")
    print_starting(preset)
    from sweeps.bench import run_bench, with_generators
    from sweeps.config import BenchConfig, resolve_as

    config = resolve_as(BenchConfig, preset, overrides)
    if generators is not None:
        config = with_generators(config, _words(generators))
    if print_config:
        sys.stdout.write(config.to_yaml())
        return 0
    folder = runs_folder / config.name
    extra = ["--generators", generators] if generators is not None else []
    command = again("bench", preset, config.name, overrides, runs_folder, extra)
    try:
        with watching() as display:
            found = run_bench(config, runs_folder, resume=resume, overwrite=overwrite, watcher=display, command=command)
    except Stopped as stop:
        stop.advice = f"finished rows are kept; go on with: {command} --resume"
        raise
    except Exception as error:
        error.weightloom_folder = folder  # type: ignore[attr-defined]
        raise
    paths = {"report": folder / "report.html", "table": folder / "table.csv"}
    paths |= {kind: folder / kind / "report.html" for kind in found}
    if json:
        results = {kind: summary.model_dump(mode="json", by_alias=True) for kind, summary in found.items()}
        print_json({"folder": str(folder), **{key: str(path) for key, path in paths.items()}, "results": results})
    else:
        print_comparison(list(found.values()), same_protocol=True)
        print()
        print_pairs([*((key, str(path)) for key, path in paths.items()), ("again", command)])
    problems = [str(summary.budget["problems"]) for summary in found.values() if "problems" in summary.budget]
    if problems:
        from search_spaces.errors import RunFailed

        raise RunFailed(f"the run ended, but not everything worked: {'; '.join(problems)}")
    return 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
