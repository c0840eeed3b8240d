"""``weightloom verify``: whether an exported network is what its generator makes."""

from __future__ import annotations

from pathlib import Path

from weightloom.commands.options import Json
from weightloom.terminal import print_json


def verify(file: Path, /, *, generator: Path | None = None, topology: Path | None = None, json: Json = False) -> int:
    """Generate the network of a safetensors file again and compare.

    **Example:** `weightloom verify runs/demo/exports/mlp-1-0f3a.safetensors`

    Args:
        file: The exported network.
        generator: Folder of the saved generator; by default the one that the file names.
        topology: Folder of the topology generator that chose the architecture; by default the one that the file names.
        json: Print one JSON object on stdout.
    """
    from sweeps.single import verify_file

    difference = verify_file(file, generator, topology)
    if json:
        print_json({"file": str(file), "difference": difference})
    else:
        print(f"{file}: its generator makes this network (largest difference of a weight {difference:g})")
    return 0
