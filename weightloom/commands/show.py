"""``weightloom show``: an architecture as a picture, as text, or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weightloom.commands.options import Json, RulesText
from weightloom.terminal import print_json

if TYPE_CHECKING:
    from search_spaces import Architecture


def show(
    what: str,
    /,
    *,
    out: Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    task: str | None = None,
    data: str | None = None,
    rules: RulesText = None,
    json: Json = False,
) -> int:
    """Show an architecture: every node with its shape, parameters and wires.

    **Example:** `weightloom show runs/demo/exports/mlp-1-0f3a.safetensors --out picture.svg`

    **Example:** `weightloom show dag --sample 3 --seed 7 --out pictures/dag.svg`

    Args:
        what: JSON file of an architecture, an exported network (.safetensors), or with --sample a space.
        out: Write an SVG picture here; of several architectures the files are numbered.
        sample: Draw so many architectures of the space.
        seed: Of the draw.
        task: Whose examples a space's networks read; by default digits or mnist1d, as the space asks.
        data: Folder of the task's data.
        rules: Rules that every architecture drawn keeps.
        json: Print one JSON object on stdout.
    """
    from search_spaces.draw import draw, draw_text
    from search_spaces.errors import WeightloomError
    from search_spaces.files import write_text

    if sample is not None and sample < 1:
        raise WeightloomError(f"--sample: expected an integer of at least 1, got {sample}")
    if sample is None and task is not None:
        raise WeightloomError("--task: expected --sample N beside it; a file says itself what its network reads")
    if sample is None and rules is not None:
        raise WeightloomError("--rules: expected --sample N beside it; what a file holds is drawn already")
    if out is not None and out.suffix.lower() != ".svg":
        raise WeightloomError(f"--out: expected a file that ends in .svg, got {out.name!r}")
    found = [_read(what)] if sample is None else _drawn(what, sample, seed, task, data, rules)
    pictures = [draw(one) for one in found]  # all of them before the first is written
    paths = _paths(out, len(found))
    for path, picture in zip(paths, pictures, strict=bool(paths)):
        write_text(path, picture)
    if json:
        described = [_described(one) for one in found]
        for record, path in zip(described, paths, strict=bool(paths)):
            record["picture"] = str(path)
        print_json({"architectures": described})
    else:
        print("\n\n".join(map(draw_text, found)))
        for path in paths:
            print(f"\npicture: {path}")
    return 0


def _read(what: str) -> Architecture:
    from search_spaces import SPACES, Architecture, WeightloomError, files

    path = Path(what)
    if not path.exists() and what in SPACES.names():
        raise WeightloomError(f"show: {what!r} is a search space; expected --sample N beside it, or a file")
    if path.suffix.lower() == ".safetensors":
        from workbench.export import read_network

        return read_network(path).architecture
    data = files.read_bytes(path, "JSON file of an architecture or an exported .safetensors network", "check the path")
    return Architecture.from_json(data.decode("utf-8", errors="replace"))


def _drawn(
    name: str, count: int, seed: int, task: str | None, data: str | None, rules: str | None
) -> list[Architecture]:
    import numpy as np

    from search_spaces import SPACES, open_space
    from search_spaces.rules import Emission
    from sweeps.reading import read_rules
    from workbench.tasks import load_task

    stated = read_rules(rules)
    space = SPACES.load(name)
    loaded = load_task(task or ("mnist1d" if 3 not in space.ranks else "digits"), data)
    made = open_space(name, inputs=loaded.inputs, outputs=loaded.classes, shape=loaded.shape)
    return list(made.sample_distinct(count, np.random.default_rng(seed), draw=Emission(made, stated).sample))


def _described(architecture: Architecture) -> dict[str, Any]:
    from search_spaces.draw import facts

    rows = facts(architecture)
    known = rows[0].shape is not None
    return {
        "key": architecture.key,
        "parameters": sum(row.parameters or 0 for row in rows) if known else None,
        "flops": sum(row.flops or 0 for row in rows) if known else None,
        "nodes": [
            {
                "name": row.node.name,
                "shape": None if row.shape is None else list(row.shape),
                "parameters": row.parameters,
                "flops": row.flops,
            }
            for row in rows
        ],
        "architecture": architecture.to_dict(),
    }


def _paths(out: Path | None, count: int) -> list[Path]:
    if out is None:
        return []
    return [out] if count == 1 else [out.with_name(f"{out.stem}-{i}{out.suffix}") for i in range(1, count + 1)]
