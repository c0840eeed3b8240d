"""``weightloom explain``: where an exported network comes from."""

from __future__ import annotations

from pathlib import Path

from weightloom.commands.options import Json
from weightloom.terminal import print_json, print_pairs


def explain(file: Path, /, *, json: Json = False) -> int:
    """Print the recipe of an export: task, hashes of data, zoo, generator; latent seed, rules, scores, versions, time.

    `weightloom verify` checks that it is true.

    **Example:** `weightloom explain runs/demo/exports/mlp-1-0f3a.safetensors`

    Args:
        file: The exported network, in any format: .safetensors, .onnx, .pt2, or a hub folder.
        json: Print one JSON object on stdout, with the architecture.
    """
    from workbench.export import digest, explained, read_recipe

    recipe = read_recipe(file)
    sha256 = digest(recipe.path)
    if json:
        print_json({**recipe.model_dump(mode="json"), "sha256": sha256})
    else:
        print_pairs(list(explained(recipe, sha256).items()))
    return 0
