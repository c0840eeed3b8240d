"""One network in some formats, each checked before it counts as written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from generators.generated import Generated
from generators.rounding import rounded
from search_spaces import WeightloomError
from workbench.export.compaction import compact
from workbench.export.costs import cost_pair
from workbench.export.formats import FORMATS, Leaving, digest, size
from workbench.provenance import Provenance, check_rules
from workbench.summary import ExportRecord, GeneratorSummary

# dimension names: batch = examples, inputs = values of one example


@torch.no_grad()
def export_network(
    generated: Generated,
    index: int,
    folder: str | Path,
    stem: str,
    provenance: Provenance,
    rows: Float[Tensor, "batch inputs"],
    formats: Sequence[str] = ("safetensors", "onnx"),
    *,
    root: str | Path | None = None,
    about: GeneratorSummary | None = None,
) -> tuple[ExportRecord, ...]:
    """Write one network in each of ``formats``, read each file back and compare outputs on ``rows``.

    The safetensors file holds the network as emitted, the others the compacted one; all are compared
    with ``generated.network(index)``, its weights rounded as ``provenance.weights_as`` says (but for the safetensors
    file they are 32-bit floats of the rounded values). Limits that the provenance states are checked on what is
    written.

    Args:
        generated: the networks, within their limits (`Form.limited`) and not rounded.
        index: which of them.
        folder: for the files ``STEM.safetensors``, ``STEM.onnx`` and ``STEM.pt2`` and the folder ``STEM``.
        stem: a plain file name without ending.
        provenance: with the network's test score under ``score``.
        rows: real test examples.
        formats: some of ``FORMATS``.
        root: folder that the paths of the records are relative to; by default the one above ``folder``.
        about: figures of its generator, for the model card.

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
    leaving = Leaving(
        generated=generated,
        index=index,
        provenance=provenance,
        network=network,
        smaller=smaller,
        rows=rows,
        before=before,
        about=about,
    )
    root = (folder.parent if root is None else Path(root)).resolve()
    records = []
    for name in formats:
        written = FORMATS[name](leaving, folder, stem)
        records.append(
            ExportRecord(
                path=written.path.resolve().relative_to(root).as_posix(),
                format=name,
                sha256=digest(written.path),
                generator=provenance.generator,
                architecture=str(network.architecture),
                score=score,
                weights_as=provenance.weights_as,
                score_as_float=provenance.scores.get("score_as_float"),
                norm=reached.norm,
                lipschitz=reached.lipschitz,
                difference=written.difference,
                opset=written.opset,
                bytes=size(written.path),
                before=before,
                after=after,
            )
        )
    return tuple(records)
