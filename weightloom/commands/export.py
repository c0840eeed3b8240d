"""``weightloom export``: more networks of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from weightloom.commands.options import Json, Storage, form_of, words
from weightloom.terminal import export_words, print_json, print_pairs, watching


def export(
    run: Path,
    /,
    *,
    best: str = "fidelity",
    family: str | None = None,
    top: Annotated[int, Parameter(help="So many networks, best on validation first.")] = 1,
    to: str = "safetensors,onnx",
    storage: Storage = None,
    weights_as: str = "float32",
    max_norm: float | None = None,
    max_lipschitz: float | None = None,
    json: Json = False,
) -> int:
    """Export the best generated networks of a run into its exports folder.

    Every file is run on test examples and compared with PyTorch before it counts as written.

    **Example:** `weightloom export runs/demo --best fidelity --top 3 --to safetensors,onnx,torch-export,hub`

    Args:
        run: Folder of the run.
        best: Validation figure by which the generator is chosen: `fidelity`, `trade-off` (fidelity x (1 - collapse)),
            or least `collapse` or fewest `active_parameters` among those at most 0.05 less faithful than the best.
        family: Whose networks; by default those of any.
        top: So many networks, best on validation first.
        to: Formats, separated by commas: `safetensors`, `onnx`, `torch-export` (a .pt2 file) and `hub` (a folder with
            model card, config and weights, as on the Hugging Face hub).
        storage: Of the run, if its study is not in its folder.
        weights_as: Round weights, a row of each layer to whole numbers with one scale of its own (`int8`, `int4`), or
            to 16-bit floats (`bf16`); the file is as much smaller. The score before stands beside.
        max_norm: Shrink each weight matrix to a spectral norm of at most this.
        max_lipschitz: Shrink weights until the outputs of two inputs are provably at most so many times as far apart as
            the inputs. For networks without norms, attention and products.
        json: Print one JSON object on stdout.
    """
    from sweeps.single import export_run

    form = form_of(weights_as, max_norm, max_lipschitz)
    with watching() as display:
        records = export_run(
            run, family=family, best=best, top=top, formats=words(to), form=form, watcher=display, storage=storage
        )
    if json:
        print_json({"exports": [record.model_dump(mode="json") for record in records]})
    else:
        print_pairs([(str(run / r.path), f"{export_words(r)}  {r.architecture}") for r in records])
    return 0
