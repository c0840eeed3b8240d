"""A network as an ONNX file that was run and compared before anybody sees it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from search_spaces import RunFailed, WeightloomError, files
from search_spaces.errors import in_one_line
from workbench.export.agreement import Run, agreement, on_cpu

# dimension names: batch = examples, inputs = values of one example

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
    network = on_cpu(network)
    try:
        with quiet():
            data = _exported(network, rows, metadata or {})
            run = onnx_session(data)
            _ = run(rows), run(rows[:1])
    except Exception as error:  # the exporter and onnxruntime raise errors of many kinds
        reason = in_one_line(error)
        raise RunFailed(f"{path}: the network cannot be exported to ONNX ({type(error).__name__}: {reason})") from error
    difference = agreement(path, "ONNX", run, network if reference is None else on_cpu(reference), rows)
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


def onnx_session(data: bytes) -> Run:
    """What runs a model of ours with onnxruntime, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda rows: torch.from_numpy(session.run([OUTPUT], {INPUT: rows.numpy()})[0])


def onnx_facts(data: bytes) -> tuple[int, dict[str, str]]:
    """The version of ONNX's operators that a model uses, and its metadata.

    Raises:
        WeightloomError: it is no ONNX model.
    """
    import onnx

    try:
        proto = onnx.load_from_string(data)
    except Exception as error:  # protobuf raises errors of its own
        raise WeightloomError(f"no ONNX model ({type(error).__name__})") from error
    opset = next((int(one.version) for one in proto.opset_import if one.domain in ("", "ai.onnx")), 0)
    return opset, {entry.key: entry.value for entry in proto.metadata_props}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
