"""``weightloom verify``: whether an exported network is what its generator makes, and a ledger as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from search_spaces.errors import printable
from weightloom.commands.options import Json
from weightloom.terminal import print_json


def verify(
    file: Path | None = None,
    /,
    *,
    generator: Path | None = None,
    topology: Path | None = None,
    ledger: Annotated[Path | None, Parameter(help="Check the ledger of this run's folder instead.")] = None,
    json: Json = False,
) -> int:
    """Generate the network of an export again and compare; or check the ledger of a run.

    **Example:** `weightloom verify runs/demo/exports/mlp-1-0f3a.safetensors`

    **Example:** `weightloom verify --ledger runs/demo`

    Args:
        file: The exported network, in any format: .safetensors, .onnx, .pt2, or a hub folder.
        generator: Folder of the saved generator; by default the one that the file names.
        topology: Folder of the topology generator that chose the architecture; by default the one that the file names.
        ledger: Check the ledger of this run's folder instead: that no line was altered, moved or taken out.
        json: Print one JSON object on stdout.
    """
    from search_spaces.errors import WeightloomError

    if (file is None) == (ledger is None):
        raise WeightloomError("verify: expected either the FILE of an export or --ledger RUN")
    if ledger is not None:
        if generator is not None or topology is not None:
            raise WeightloomError("verify: --generator and --topology belong to a FILE, not to --ledger")
        return _ledger(ledger, json)
    assert file is not None
    from sweeps.single import verify_file

    found = verify_file(file, generator, topology)
    if json:
        print_json({"file": str(file), "compared": found.compared, "difference": found.difference})
    else:
        print(f"{file}: its generator makes this network (largest difference of {found.compared} {found.difference:g})")
    return 0


def _ledger(run: Path, json: bool) -> int:
    from sweeps.single import verify_ledger

    ledger, count, remarks = verify_ledger(run)
    if json:
        print_json({"ledger": str(ledger.path), "lines": count, "head": ledger.head(), "remarks": remarks})
        return 0
    print(f"{ledger.path}: {count} lines, the chain holds; it ends in {ledger.head()}")
    for remark in remarks:
        print(f"- {printable(remark)}")
    return 0
