"""A network as an ONNX file that was run and compared before anybody sees it."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from search_spaces import RunFailed, files

# dimension names: batch = examples, inputs = values of one example

TOLERANCE = 1e-5
INPUT, OUTPUT = "x", "logits"


@torch.no_grad()
def write_onnx(
    path: str | Path,
    network: nn.Module,
    rows: Float[Tensor, "batch inputs"],
    *,
    reference: nn.Module | None = None,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Export, run with onnxruntime on ``rows``, compare, and only then write the file, atomically.

    Input ``x`` [batch, inputs] and output ``logits`` [batch, classes], both 32-bit floats; the batch may have
    any size.

    Args:
        path: of the file.
        network: what is exported, best `compact`ed.
        rows: real examples to compare on, one at least.
        reference: whose outputs are the right ones; without it ``network`` itself.
        metadata: goes into the file as it is.

    Returns:
        The largest absolute difference between the outputs of file and reference.

    Raises:
        RunFailed: the network cannot be exported, or the difference is more than 1e-5 (for outputs above 1,
            than 1e-5 of the largest); no file is left.
    """
    rows = rows.detach().cpu().float()
    network = copy.deepcopy(network).cpu().eval()
    try:
        with _quiet():
            data = _exported(network, rows, metadata or {})
            run = _session(data)
            # as a whole and one alone, so that a batch size baked in does not pass
            got = torch.cat([run(rows), run(rows[:1])])
    except Exception as error:  # the exporter and onnxruntime raise errors of many kinds
        reason = " ".join(str(error).split())[:300]
        raise RunFailed(f"{path}: the network cannot be exported to ONNX ({type(error).__name__}: {reason})") from error
    expected = (network if reference is None else copy.deepcopy(reference).cpu().eval())(rows)
    expected = torch.cat([expected, expected[:1]])
    difference = float((got - expected).abs().max()) if got.shape == expected.shape else float("inf")
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise RunFailed(
            f"{path}: expected ONNX outputs within {TOLERANCE:g} of PyTorch's, got {difference:g} away; "
            "no file was written: check the network for values that are not finite"
        )
    files.write_bytes(path, data)
    return difference


def _exported(network: nn.Module, rows: Tensor, metadata: Mapping[str, str]) -> bytes:
    example = rows[:1].expand(2, -1).contiguous()  # a batch of one would be taken for a constant
    program = torch.onnx.export(
        network,
        (example,),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    proto = program.model_proto
    for node in (*proto.graph.node, *(node for function in proto.functions for node in function.node)):
        del node.metadata_props[:]  # stack traces with the paths of this machine
    for key in sorted(metadata):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, metadata[key]
    return proto.SerializeToString(deterministic=True)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda rows: torch.from_numpy(session.run([OUTPUT], {INPUT: rows.numpy()})[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's prints, log lines and warnings about itself are held back."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
