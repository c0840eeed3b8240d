"""``weightloom new``: a package for a plug-in of your own."""

from __future__ import annotations

from pathlib import Path

from weightloom.commands.options import Json
from weightloom.terminal import print_json, print_pairs


def new(kind: str, name: str, /, *, into: Path = Path(), json: Json = False) -> int:
    """Write a small package with a generator, search space or task of your own, and the tests that it has to pass.

    **Example:** `weightloom new generator my_generator`

    It works as written: `pip install -e my_generator`, and the name stands in `weightloom list`, `sweep` and `bench`;
    `pytest my_generator` runs the contract that all of its kind keep. Then put your own idea in.

    Args:
        kind: generator, space or task.
        name: Of package, module and plug-in: lower-case letters, digits and underscores.
        into: Folder for the package's folder.
        json: Print one JSON object on stdout: folder, files and the commands that come next.
    """
    from weightloom.packages import KINDS, write_package

    files = write_package(kind, name, into)
    home = files[0].parent
    use = {"generator": "--generators mlp,", "space": "--space ", "task": "--task "}[kind]
    commands = [
        f"pip install -e {home}",
        f"pytest {home}",
        f"weightloom list {KINDS[kind].kind}s",
        f"weightloom sweep quick {use}{name} --name {name}",
    ]
    if json:
        print_json({"folder": str(home), "files": [str(path) for path in files], "next": commands})
    else:
        print_pairs([("written", str(path)) for path in files])
        print()
        print_pairs([("next", command) for command in commands])
    return 0
