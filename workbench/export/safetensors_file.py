"""One generated network as one safetensors file, to be checked and regenerated; see ``docs/formats.md``."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor

from generators.generated import Generated
from generators.tensor_files import check_finite, read_metadata, read_tensors
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, DamagedFile, RunFailed, UnknownName, WeightloomError, files
from search_spaces.errors import in_one_line
from search_spaces.network import Network
from workbench.export.packing import packed, unpacked
from workbench.provenance import Provenance
from workbench.summary import one_line

SCHEMA = 1
KIND = "weightloom-network"
KEY = "weightloom"
"""The one metadata key: several would be written in a different order at each save."""
NEURONS, GATES = "open_neurons.", "gates"
MOST_CELLS, CELLS = 2**24, 100
"""Numbers that the tokens of a file's network may always take, and how many a parameter; a row fills up its token."""
_REMEDY = "restore the file or export the network again"
_NO_SUM = b"0" * 64
_SUM = re.compile(rb'checksum\\":\\"([0-9a-f]{64})\\"')


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedNetwork:
    """A network read from its file.

    Attributes:
        module: ready to run, with its closed neurons and wires, in evaluation mode.
        architecture: its graph, with the genome.
        provenance: where it comes from.
        generated: the same as a batch of one, for everything that takes `Generated`.
    """

    module: Network
    architecture: Architecture
    provenance: Provenance
    generated: Generated


def write_network(path: str | Path, generated: Generated, index: int, provenance: Provenance) -> Path:
    """Write one network: all emitted tensors, masks and gates, architecture and provenance.

    Weights are rounded as ``provenance.weights_as`` says; ``generated`` has them as they were before. The file is
    written atomically; equal content gives equal bytes.

    Raises:
        WeightloomError: it is a user's own module, which no file can rebuild, or the path cannot be written.
        RunFailed: a weight is NaN or infinite.
    """
    architecture = generated.blueprints[index].architecture
    if architecture.space == "module":
        raise WeightloomError(
            f"export: expected a network of a search space, got a user's own module {architecture}; "
            "save the module's state dict instead"
        )
    state = generated.state_dict(index)
    try:
        check_finite(state)
    except WeightloomError as error:
        raise RunFailed(f"{path}: expected finite weights, got {error}; no file was written") from error
    tensors = packed(state, provenance.weights_as)
    tensors |= {NEURONS + name: mask for name, mask in generated.neurons(index).items()}
    tensors[GATES] = torch.tensor(list(generated.wires(index).values()), dtype=torch.bool)
    document = {
        "schema": SCHEMA,
        "kind": KIND,
        "architecture": architecture.to_dict(),
        "provenance": provenance.model_dump(mode="json"),
        "token_width": generated.tokenizer.width,
        "checksum": _NO_SUM.decode(),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    data = save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}, {KEY: text})
    where = _SUM.search(data)
    assert where is not None
    data = _with_sum(data, where, hashlib.sha256(data).hexdigest().encode())
    return files.write_bytes(path, data)


def read_network(path: str | Path) -> LoadedNetwork:
    """Read what `write_network` wrote.

    Raises:
        WeightloomError: there is no such file.
        UnknownName: it is a network of a user's own space, which is not installed.
        DamagedFile: it is truncated, altered in any byte, of another schema or no such file at all.
    """
    path = Path(path)
    data = files.read_bytes(path, "network file (.safetensors)", "check the path")
    _check_sum(path, data)
    try:
        document, tensors = _content(path, data)
        architecture = Architecture.from_dict(document["architecture"])
        provenance = Provenance.model_validate(document["provenance"])
        width = document["token_width"]
        if not isinstance(width, int):
            raise WeightloomError(f"a token_width of {width!r}")
        generated = _as_generated(architecture, WeightTokenizer(width=width), tensors, provenance)
    except ValidationError as error:
        raise DamagedFile(f"{path}: provenance: {one_line(error)}; {_REMEDY}") from error
    except (DamagedFile, UnknownName):  # of a space that is not installed
        raise
    except (WeightloomError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = in_one_line(error)
        raise DamagedFile(f"{path}: expected a network file, got {reason}; {_REMEDY}") from error
    return LoadedNetwork(
        module=generated.network(0), architecture=architecture, provenance=provenance, generated=generated
    )


def _check_sum(path: Path, data: bytes) -> None:
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    found = list(_SUM.finditer(header))
    if len(found) != 1:
        raise DamagedFile(
            f"{path}: expected a network file with one checksum, got {len(found)} in {len(data)} bytes; {_REMEDY}"
        )
    start = 8 + found[0].start(1)
    whole = data[:start] + _NO_SUM + data[start + 64 :]
    got = hashlib.sha256(whole).hexdigest()
    if got.encode() != found[0][1]:
        raise DamagedFile(
            f"{path}: expected content with checksum {found[0][1][:12].decode()}…, got {got[:12]}…; "
            f"it was cut off or altered: {_REMEDY}"
        )


def _with_sum(data: bytes, where: re.Match[bytes], checksum: bytes) -> bytes:
    return data[: where.start(1)] + checksum + data[where.end(1) :]


def _content(path: Path, data: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    document = read_metadata(data, KEY)
    if not isinstance(document, dict):
        raise WeightloomError(f"metadata {KEY!r} that is no object")
    if document.get("kind") != KIND or document.get("schema") != SCHEMA:
        raise DamagedFile(
            f"{path}: expected kind {KIND!r} of schema {SCHEMA}, got {document.get('kind')!r} of schema "
            f"{document.get('schema')!r}; read it with the weightloom that wrote it"
        )
    tensors = read_tensors(data)
    check_finite(tensors)
    return document, tensors


def _as_generated(
    architecture: Architecture, tokenizer: WeightTokenizer, tensors: dict[str, Tensor], provenance: Provenance
) -> Generated:
    blueprint = Blueprint.of(architecture)
    state = unpacked(tensors, blueprint, provenance.weights_as)
    tokenizer.check(state, blueprint)  # before tokens are laid out, which takes memory for what is declared
    cells = tokenizer.size(blueprint) * tokenizer.entries
    if cells > max(MOST_CELLS, CELLS * blueprint.parameter_count):
        raise WeightloomError(f"a token_width of {tokenizer.width}, which lays {architecture} out on {cells} numbers")
    layout = tokenizer.batch([blueprint])
    nodes = {node.name: i for i, node in enumerate(architecture.nodes)}
    masks = {k.removeprefix(NEURONS): t for k, t in tensors.items() if k.startswith(NEURONS)}
    gates = tensors[GATES]
    shapes = {name: tuple(mask.shape) for name, mask in masks.items()}
    known = {name: (width,) for name, width in blueprint.maskable}
    if not {t.dtype for t in (*masks.values(), gates)} <= {torch.bool}:
        raise WeightloomError("masks or gates that are no truth values")
    if not shapes.items() <= known.items() or gates.shape != (len(blueprint.optional_edges),):
        raise WeightloomError(f"masks {shapes} and {tuple(gates.shape)} gates that do not fit {architecture}")
    tokens = tokenizer.tokenize(state, blueprint)[None]
    open_neurons = layout.real.to(tokens.dtype)
    for name, mask in masks.items():
        chosen = layout.node[0] == nodes[name]
        open_neurons[0, chosen] = mask[layout.neuron[0, chosen]].to(tokens.dtype)
    return Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=tokens,
        open_neurons=open_neurons,
        gates=gates[None].to(tokens.dtype),
    )
