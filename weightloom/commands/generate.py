"""``weightloom generate``: networks from a saved generator."""

from __future__ import annotations

from pathlib import Path

from weightloom.commands.options import Json, RulesText, form_of, weights_of
from weightloom.terminal import export_words, print_json, print_pairs


def generate(
    folder: Path,
    /,
    *,
    out: Path,
    architecture: Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    density: float = 1.0,
    sparsity: float = 0.0,
    weights_as: str = "float32",
    max_norm: float | None = None,
    max_lipschitz: float | None = None,
    topology: Path | None = None,
    flops: float | None = None,
    rules: RulesText = None,
    data: str | None = None,
    stream: bool = False,
    json: Json = False,
) -> int:
    """Generate networks and write each as a safetensors file with its provenance.

    **Example:** `weightloom generate runs/demo/generators/trial-002 --sample 3 --seed 7 --out networks`

    **Example:** `weightloom generate my-generator --topology my-topology --sample 10 --flops 2e4 --out networks`

    Args:
        folder: Of the saved generator.
        out: Folder for the files.
        architecture: JSON file of one architecture (`Architecture.to_json`).
        sample: So many architectures, drawn from the generator's space.
        seed: Of the draw and of the latents.
        density: Share of hidden neurons to keep.
        sparsity: Share of weights that are zero. Worth asking of a generator that was trained with
            `training.weights_share` above 0; of any other it is magnitude pruning.
        weights_as: Round weights, a row of each layer to whole numbers with one scale of its own (`int8`, `int4`), or
            to 16-bit floats (`bf16`); the file is as much smaller. The score before stands beside.
        max_norm: Shrink each weight matrix to a spectral norm of at most this.
        max_lipschitz: Shrink weights until the outputs of two inputs are provably at most so many times as far apart as
            the inputs. For networks without norms, attention and products.
        topology: Folder of a topology generator (`weightloom design`), which emits the architectures of --sample, each
            from the same latent seed as its weights.
        flops: Budget: floating-point operations for one example that no architecture may exceed.
        rules: Rules that every architecture keeps.
        data: Folder of the task's data, if it is no longer where it was.
        stream: Write the network of --architecture, of any size, as sharded safetensors while it is emitted, dense and
            without a score; a stopped stream goes on where it was. For the family `mlp`.
        json: Print one JSON object on stdout.
    """
    from search_spaces.errors import WeightloomError

    if (architecture is None) == (sample is None):
        raise WeightloomError("generate: expected either --architecture FILE or --sample N")
    if sample is not None and sample < 1:
        raise WeightloomError(f"--sample: expected an integer of at least 1, got {sample}")
    if not 0 < density <= 1:
        raise WeightloomError(f"--density: expected a number above 0 and at most 1, got {density}")
    weights = weights_of(sparsity)
    if topology is not None and sample is None:
        raise WeightloomError("--topology: expected --sample N beside it; a file holds its architecture already")
    if flops is not None and not flops >= 1:
        raise WeightloomError(f"--flops: expected a number of at least 1, got {flops}")
    from sweeps.reading import read_rules

    stated = read_rules(rules)
    if stream:
        asked = (density, sparsity, weights_as, max_norm, max_lipschitz, rules, flops)
        if architecture is None or asked != (1.0, 0.0, "float32", None, None, None, None):
            raise WeightloomError("--stream: expected --architecture FILE, and no setting beside it but --seed")
        from sweeps.streaming import stream_one
        from weightloom.terminal import watching

        with watching() as watcher:
            index, count = stream_one(folder, out, architecture, seed, watcher)
        if json:
            print_json({"index": str(index), "parameters": count})
        else:
            print_pairs([(str(index), f"{count:,} parameters")])
        return 0
    from sweeps.single import generate_some

    form = form_of(weights_as, max_norm, max_lipschitz)
    records = generate_some(
        folder,
        out,
        architecture=architecture,
        sample=sample or 0,
        seed=seed,
        density=density,
        weights=weights,
        form=form,
        data=data,
        flops=flops,
        rules=stated,
        topology=topology,
    )
    if json:
        print_json({"networks": [record.model_dump(mode="json") for record in records]})
    else:
        print_pairs([(str(out / r.path), f"{export_words(r)}  {r.architecture}") for r in records])
    return 0
