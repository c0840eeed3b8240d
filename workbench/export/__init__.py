"""Generated networks as files: safetensors to keep and verify, ONNX to run, and really smaller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from generators.generated import Generated
from generators.rounding import rounded
from search_spaces import RunFailed, WeightloomError, files
from workbench.export.compaction import active_parameters, compact, flops
from workbench.export.costs import cost_pair
from workbench.export.onnx_file import TOLERANCE, write_onnx
from workbench.export.safetensors_file import LoadedNetwork, read_network, verify_network, write_network
from workbench.provenance import Provenance, check_rules
from workbench.summary import ExportRecord

__all__ = [
    "FORMATS",
    "LoadedNetwork",
    "active_parameters",
    "compact",
    "export_network",
    "flops",
    "read_network",
    "verify_network",
    "write_network",
    "write_onnx",
]

FORMATS = ("safetensors", "onnx")


@torch.no_grad()
def export_network(
    generated: Generated,
    index: int,
    folder: str | Path,
    stem: str,
    provenance: Provenance,
    rows: Float[Tensor, "batch inputs"],
    formats: Sequence[str] = FORMATS,
    *,
    root: str | Path | None = None,
) -> tuple[ExportRecord, ...]:
    """Write one network in each of ``formats``, read each file back and compare outputs on ``rows``.

    The safetensors file holds the network as emitted, the ONNX file the compacted one; both are compared
    with ``generated.network(index)``, its weights rounded as ``provenance.weights_as`` says (in the ONNX file they are
    32-bit floats of the rounded values). Limits that the provenance states are checked on what is written.

    Args:
        generated: the networks, within their limits (`Form.limited`) and not rounded.
        index: which of them.
        folder: for the files ``STEM.safetensors`` and ``STEM.onnx``.
        stem: a plain file name without ending.
        provenance: with the network's test score under ``score``.
        rows: real test examples.
        formats: some of ``FORMATS``.
        root: folder that the paths of the records are relative to; by default the one above ``folder``.

    Raises:
        WeightloomError: an unknown format, a stem that is no plain name, no score, or an architecture that breaks
            a rule of its provenance.
        RunFailed: a file does not compute what the network computes, or a limit does not hold; no file is left behind.
    """
    folder = Path(folder)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise WeightloomError(f"export: formats must be of {', '.join(FORMATS)}, got {', '.join(unknown)}")
    if not stem or Path(stem).name != stem or stem.startswith("."):
        raise WeightloomError(f"export: expected a plain file name without ending, got {stem!r}")
    score = provenance.scores.get("score")
    if score is None or not math.isfinite(score):
        raise WeightloomError(f"export: provenance must have a finite 'score', got {provenance.scores}")
    check_rules(provenance, generated.blueprints[index].architecture)
    final = rounded(generated, provenance.weights_as)
    reached = provenance.form.check(final, index)
    provenance = provenance.model_copy(update={"norm": reached.norm, "lipschitz": reached.lipschitz})
    network, smaller = final.network(index), compact(final, index)
    before, after = cost_pair(network, smaller, rows)
    root = folder.parent if root is None else Path(root)
    records = []
    for name in formats:
        path = folder / f"{stem}.{name}"
        if name == "safetensors":
            difference = _written(path, generated, index, provenance, network, rows)
        else:
            difference = write_onnx(
                path,
                smaller,
                rows,
                reference=network,
                metadata={"weightloom": provenance.model_dump_json()},
            )
        records.append(
            ExportRecord(
                path=path.resolve().relative_to(root.resolve()).as_posix(),
                format=name,
                sha256=files.sha256(path),
                generator=provenance.generator,
                architecture=str(network.architecture),
                score=score,
                weights_as=provenance.weights_as,
                score_as_float=provenance.scores.get("score_as_float"),
                norm=reached.norm,
                lipschitz=reached.lipschitz,
                difference=difference,
                bytes=path.stat().st_size,
                before=before,
                after=after,
            )
        )
    return tuple(records)


def _written(
    path: Path, generated: Generated, index: int, provenance: Provenance, network: nn.Module, rows: Tensor
) -> float:
    write_network(path, generated, index, provenance)
    difference = float((read_network(path).module(rows.cpu()) - network(rows.cpu())).abs().max())
    if not difference <= TOLERANCE:
        path.unlink()
        raise RunFailed(
            f"{path}: expected equal outputs after reading the file back, got {difference:g} away; "
            "the file was removed: check the network for values that are not finite"
        )
    return difference
