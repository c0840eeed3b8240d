"""``weightloom bench``: the whole protocol on zoos of every kind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from weightloom.commands.engines import Sharing
from weightloom.commands.options import Assignments, Json, RunsFolder, words
from weightloom.commands.running import again, changed, fail_if_problems, print_starting, running
from weightloom.terminal import print_comparison, print_json, print_pairs


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
    sharing: Sharing = Sharing(),  # noqa: B008 (frozen)
    resume: bool = False,
    overwrite: bool = False,
    changes: Annotated[Assignments, Parameter(name="--set")] = None,
    print_config: bool = False,
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
        data: Folder or file of the data, for tasks that read one.
        space: See `weightloom list spaces`.
        seed: Of the first repeat's training.
        sharing: Who does the work: rows of one zoo are made at once.
        resume: Continue the run if it was begun before.
        overwrite: Remove the run if there is one, and start anew.
        changes: Change any setting, KEY=VALUE with dotted keys; `--print-config` shows them all.
        print_config: Print the resolved configuration as YAML and do nothing.
        runs_folder: Where runs are kept, and in .zoo the trained networks.
        json: Print one JSON object on stdout: paths and the summary of each kind.
    """
    given = {"name": name, "repeats": repeats, "task": task, "data": data, "space": space, "seed": seed}
    overrides = changed({**given, "kinds": None if kinds is None else words(kinds)}, changes)
    overrides.setdefault("name", f"bench-{Path(preset).stem}")
    print_starting(preset)
    from sweeps.bench import run_bench
    from sweeps.config import BenchConfig, resolve_as, with_generators

    config = resolve_as(BenchConfig, preset, overrides)
    if generators is not None:
        config = with_generators(config, words(generators))
    if print_config:
        sys.stdout.write(config.to_yaml())
        return 0
    folder = runs_folder / config.name
    extra = ["--generators", generators] if generators is not None else []
    extra += sharing.words()
    command = again("bench", preset, config.name, overrides, runs_folder, extra)
    with running(folder, "finished rows", f"{command} --resume") as display:
        found = run_bench(
            config,
            runs_folder,
            resume=resume,
            overwrite=overwrite,
            watcher=display,
            command=command,
            team=sharing.plan() if sharing.given else None,
        )
    paths = {"report": folder / "report.html", "table": folder / "table.csv"}
    paths |= {kind: folder / kind / "report.html" for kind in found}
    if json:
        results = {kind: summary.model_dump(mode="json", by_alias=True) for kind, summary in found.items()}
        print_json({"folder": str(folder), **{key: str(path) for key, path in paths.items()}, "results": results})
    else:
        print_comparison(list(found.values()), same_protocol=True)
        print()
        print_pairs([*((key, str(path)) for key, path in paths.items()), ("again", command)])
    fail_if_problems(list(found.values()))
    return 0
