"""A network as an ExportedProgram (``.pt2``) that was run and compared before anybody sees it, and holds no pickle.

``torch.export.save`` pickles the example inputs, and ``torch.export.load`` unpickles them, with ``weights_only=False``
where the safe way fails; it also evaluates expressions that stand in the file. So what we write has no example inputs,
and `read_program` refuses a file with anything in it that torch would unpickle, evaluate or execute.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from search_spaces import DamagedFile, RunFailed, files
from search_spaces.errors import in_one_line
from workbench.export.agreement import agreement, on_cpu
from workbench.export.onnx_file import quiet

# dimension names: batch = examples, inputs = values of one example

RECIPE = "weightloom.json"
_REMEDY = "restore the file or export the network again"
_PLAIN = re.compile(
    r"archive/(data/weights/weight_\d+|data/constants/tensor_\d+"
    r"|data/weights/model_weights_config\.json|data/constants/model_constants_config\.json|models/model\.json"
    r"|extra/weightloom\.json|archive_format|archive_version|byteorder|\.data/(version|serialization_id))"
)
"""Entries without code: raw tensors, JSON and marks of the format."""
_INPUTS = "archive/data/sample_inputs/model.pt"
_EXPRESSION = re.compile(r"Symbol\('s\d+', positive=True, integer=True\)|s\d+|\d+|\d+\*s\d+|s\d+\*\d+")
"""Sizes as our networks have them: the batch, and multiples of it."""


def write_program(
    path: str | Path,
    network: nn.Module,
    rows: Float[Tensor, "batch inputs"],
    *,
    reference: nn.Module | None = None,
    metadata: Mapping[str, Any],
) -> float:
    """Export with ``torch.export``, read back, run on ``rows``, compare, and only then write the file, atomically.

    The batch may have any size. Equal networks give equal bytes.

    Args:
        path: of the file.
        network: what is exported, best `compact`ed.
        rows: real examples to compare on, one at least.
        reference: whose outputs are the right ones; without it ``network`` itself.
        metadata: goes into the file as JSON.

    Returns:
        The largest absolute difference between the outputs of file and reference.

    Raises:
        RunFailed: the network cannot be exported, or outputs differ; no file is left.
    """
    rows = rows.detach().cpu().float()
    try:
        with quiet(), torch.no_grad():
            data = _exported(on_cpu(network), rows, metadata)
            run = _module(data, Path(path))
            _ = run(rows), run(rows[:1])
    except Exception as error:  # the exporter raises errors of many kinds
        reason = in_one_line(error)
        raise RunFailed(
            f"{path}: the network cannot be exported as a program ({type(error).__name__}: {reason})"
        ) from error
    difference = agreement(path, "torch.export", run, network if reference is None else on_cpu(reference), rows)
    files.write_bytes(path, data)
    return difference


def read_program(path: str | Path) -> nn.Module:
    """The network of a file that `write_program` wrote, ready to run; nothing is unpickled.

    Raises:
        WeightloomError: there is no such file.
        DamagedFile: it is no such file, or holds what would be unpickled, evaluated or executed.
    """
    path = Path(path)
    return _module(files.read_bytes(path, "program (.pt2)", "check the path"), path)


def program_recipe(path: str | Path) -> dict[str, Any]:
    """What `write_program` was given as ``metadata``; reads neither weights nor program.

    Raises:
        WeightloomError: there is no such file.
        DamagedFile: it is no such file.
    """
    path = Path(path)
    parts = _parts(files.read_bytes(path, "program (.pt2)", "check the path"), path)
    return _json(parts, f"archive/extra/{RECIPE}", path)


def _exported(network: nn.Module, rows: Tensor, metadata: Mapping[str, Any]) -> bytes:
    example = rows[:1].expand(2, -1).contiguous()  # a batch of one would be taken for a constant
    program = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    program._example_inputs = None  # they would be pickled
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # has the paths of this machine
    stream = io.BytesIO()
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    torch.export.save(program, stream, extra_files={RECIPE: text})
    return stream.getvalue()


def _module(data: bytes, path: Path) -> nn.Module:
    _check(_parts(data, path), path)
    try:
        with quiet():
            return torch.export.load(io.BytesIO(data)).module()
    except Exception as error:
        reason = in_one_line(error)
        raise DamagedFile(f"{path}: expected a program, got {type(error).__name__}: {reason}; {_REMEDY}") from error


def _parts(data: bytes, path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or not all(_PLAIN.fullmatch(n) or n == _INPUTS for n in names):
                odd = [n for n in names if not _PLAIN.fullmatch(n) and n != _INPUTS] or "a name twice"
                raise DamagedFile(f"{path}: expected tensors and JSON only, got {odd}; {_REMEDY}")
            files.check_archive(archive, len(data))
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DamagedFile(f"{path}: expected a program (.pt2), got {error}; {_REMEDY}") from error


def _check(parts: Mapping[str, bytes], path: Path) -> None:
    if parts.get(_INPUTS, b""):
        raise DamagedFile(f"{path}: expected no pickle, got example inputs as one; it was not opened: {_REMEDY}")
    for name in ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json"):
        config = _json(parts, f"archive/{name}", path).get("config")
        entries = list(config.values()) if isinstance(config, dict) else [None]
        if any(not isinstance(entry, dict) or entry.get("use_pickle") is not False for entry in entries):
            raise DamagedFile(f"{path}: expected raw tensors, got a pickle in {name}; it was not opened: {_REMEDY}")
    program = _json(parts, "archive/models/model.json", path)
    if program.get("guards_code"):
        raise DamagedFile(f"{path}: expected a program without code of guards, got some; it was not run: {_REMEDY}")
    for text in _expressions(program):
        if not _EXPRESSION.fullmatch(text):
            raise DamagedFile(f"{path}: expected plain sizes, got {text[:80]!r}; it was not evaluated: {_REMEDY}")


def _expressions(value: Any) -> Iterator[str]:
    """Every text that torch would hand to sympy, which evaluates it."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "expr_str":
                yield str(item)
            else:
                yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)


def _json(parts: Mapping[str, bytes], name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(parts[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise DamagedFile(f"{path}: expected {name}, got {type(error).__name__}; {_REMEDY}") from error
    if not isinstance(found, dict):
        raise DamagedFile(f"{path}: expected an object in {name}, got {type(found).__name__}; {_REMEDY}")
    return found
