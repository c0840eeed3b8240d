"""Whether an export is what its generator makes, and where it differs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from generators.generator import Generator
from search_spaces import RunFailed, files
from workbench.export.compaction import compact
from workbench.export.hub_folder import load_pretrained
from workbench.export.onnx_file import onnx_session, quiet
from workbench.export.program_file import read_program
from workbench.export.recipe import read_recipe
from workbench.export.safetensors_file import read_network
from workbench.provenance import Provenance, check_rules, regenerate

TOLERANCE = 1e-5
ROWS = 256
"""Random inputs, standard normal as tasks standardise theirs, on which programs are compared."""
_SHOWN = 4
"""So many of the tensors that differ are named."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was compared, and the largest difference."""

    compared: Literal["weights", "outputs"]
    difference: float


@torch.no_grad()
def verify_export(path: str | Path, generator: Generator, tolerance: float = TOLERANCE) -> Verified:
    """Generate the network of an export again and compare.

    Weights are compared where the file holds them by name (safetensors, hub), else outputs on random inputs.

    Args:
        path: of the export, in any of our formats.
        generator: that made it, such as ``from_pretrained(provenance.generator_path)``.
        tolerance: allowed difference; of outputs above 1 relative to the largest. Bit for bit can only be asked on the
            same machine.

    Raises:
        RunFailed: it differs, and where; or a limit that the file states does not hold.
        WeightloomError: as `read_recipe` and `regenerate`.
    """
    recipe = read_recipe(path)
    if recipe.format == "safetensors":
        return Verified(compared="weights", difference=verify_network(path, generator, tolerance))
    check_rules(recipe.provenance, recipe.graph)
    again = regenerate(recipe.provenance, generator, recipe.graph)
    recipe.provenance.form.check(again, 0)
    if recipe.format == "hub":
        mine, theirs = load_pretrained(recipe.path), compact(again, 0)
        found = differing(_named(mine), _named(theirs), tolerance)
        if found:
            raise _differs(recipe.path, recipe.provenance, found)
        pairs = zip(mine.parameters(), theirs.parameters(), strict=True)
        return Verified(compared="weights", difference=max(float((a - b).abs().max()) for a, b in pairs))
    inputs = math.prod(int(side) for _, side in recipe.graph.nodes[0].choices)
    rows = torch.randn(ROWS, inputs, generator=torch.Generator().manual_seed(0))
    if recipe.format == "onnx":
        with quiet():
            run = onnx_session(files.read_bytes(recipe.path))
    else:
        run = read_program(recipe.path)
    got, expected = run(rows), again.network(0)(rows)
    difference = float((got - expected).abs().max()) if got.shape == expected.shape else float("inf")
    if not difference <= tolerance * max(1.0, float(expected.abs().max())):
        worst = int((got - expected).abs().max(0).values.argmax()) if got.shape == expected.shape else None
        where = f"outputs {tuple(got.shape)}" if worst is None else f"output {worst} by {difference:g}"
        raise _differs(recipe.path, recipe.provenance, [where])
    return Verified(compared="outputs", difference=difference)


@torch.no_grad()
def verify_network(path: str | Path, generator: Generator, tolerance: float = TOLERANCE) -> float:
    """Generate a safetensors file's network again and compare.

    Args:
        path: of the file.
        generator: that made it.
        tolerance: allowed difference of a weight.

    Returns:
        The largest absolute difference between a weight of the file and the regenerated one.

    Raises:
        RunFailed: weights or connectivity differ, and where; or a limit that the file states does not hold.
        WeightloomError: as `read_network` and `regenerate`.
    """
    loaded = read_network(path)
    loaded.provenance.form.check(loaded.generated, 0)
    check_rules(loaded.provenance, loaded.architecture)
    again = regenerate(loaded.provenance, generator, loaded.architecture)
    mine, theirs = loaded.generated, again
    found = differing(mine.state_dict(0), theirs.state_dict(0), tolerance)
    found += [f"open neurons of {name}" for name in differing(mine.neurons(0), theirs.neurons(0), 0.5, plain=True)]
    wires = mine.wires(0), theirs.wires(0)
    found += [f"wire {a} -> {b}" for (a, b), is_open in wires[0].items() if wires[1].get((a, b)) != is_open]
    if found:
        raise _differs(path, loaded.provenance, found)
    first, second = mine.state_dict(0), theirs.state_dict(0)
    return max(float((second[name].cpu() - first[name]).abs().max()) for name in first)


def differing(
    mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float, *, plain: bool = False
) -> list[str]:
    """Names of tensors that differ by more than ``tolerance``, with where and by how much unless ``plain``."""
    found = [f"{name}, which only one of both has" for name in sorted(set(mine) ^ set(theirs))]
    for name in (name for name in mine if name in theirs):
        a, b = mine[name].cpu().float(), theirs[name].cpu().float()
        if a.shape != b.shape:
            found.append(name if plain else f"{name}, {tuple(a.shape)} against {tuple(b.shape)}")
            continue
        away = (a - b).abs()
        if bool((away <= tolerance).all()):
            continue
        worst = int(torch.nan_to_num(away, nan=torch.inf).argmax())
        place = [int(i) for i in torch.unravel_index(torch.tensor(worst), a.shape)]
        count = int((~(away <= tolerance)).sum())
        by = float(away.flatten()[worst])
        found.append(name if plain else f"{name} in {count} of {a.numel()} values, most at {place} by {by:g}")
    return found


def _named(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


def _differs(path: str | Path, provenance: Provenance, found: list[str]) -> RunFailed:
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return RunFailed(
        f"{path}: expected the network that its generator makes again, got one that differs in "
        f"{'; '.join(found[:_SHOWN])}{more}; was it made with other library versions? {provenance.versions}"
    )
