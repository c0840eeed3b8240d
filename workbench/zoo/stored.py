"""A zoo on disk: a folder of ``zoo.json`` and ``networks.safetensors``, whole or absent."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from jaxtyping import Float
from torch import Tensor

from generators.collection import Collection
from generators.tensor_files import map_tensors
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, DamagedFile, WeightloomError
from search_spaces.errors import in_one_line
from workbench.files import read_json, sha256, write_json, writing
from workbench.zoo.config import ZooConfig
from workbench.zoo.zoo import SCHEMA, Zoo

ZOO, NETWORKS = "zoo.json", "networks.safetensors"
"""The first describes the second, and is written after it."""
GROUPS = ("training", "validation", "test")
KINDS = ("gates", "open", "scores", "tokens")
"""Tensors of a group, by the names they have in the file."""
NUMBER = 4
"""Bytes of a 32-bit float, the only type that is written."""

# dimension names: networks, tokens, entries, edges as in generators


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known before any network; attributes as those of ``Zoo``, with a blueprint for each held-out network."""

    config: ZooConfig
    digest: str
    pool: Sequence[Blueprint]
    validation: Sequence[Blueprint]
    test: Sequence[Blueprint]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What is known once all networks are there; attributes as those of ``Zoo``."""

    seconds: float
    still_improving: float
    doubled: tuple[tuple[float, float], ...]


class NetworksWriter:
    """``networks.safetensors``, written network by network in any order: the very bytes that safetensors would write.

    Args:
        stream: an empty file.
        tokenizer: of the tokens.
        groups: the blueprints of each group.
    """

    def __init__(self, stream: BinaryIO, tokenizer: WeightTokenizer, groups: Mapping[str, Sequence[Blueprint]]) -> None:
        self._stream = stream
        self._shapes = {
            f"{group}.{kind}": shape
            for group, blueprints in groups.items()
            for kind, shape in shapes_of(tokenizer, blueprints).items()
        }
        header, begins, end = {}, {}, 0
        for name in sorted(self._shapes):  # as safetensors sorts tensors of one type
            begin, end = end, end + NUMBER * math.prod(self._shapes[name])
            begins[name] = begin
            header[name] = {"dtype": "F32", "shape": list(self._shapes[name]), "data_offsets": [begin, end]}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        stream.write(len(text).to_bytes(8, "little") + text)
        self._begin = {name: stream.tell() + begin for name, begin in begins.items()}
        stream.truncate(stream.tell() + end)  # padding is what is not written: zeros

    def put(
        self,
        group: str,
        rows: Sequence[int],
        tokens: Float[Tensor, "networks tokens entries"],
        open_neurons: Float[Tensor, "networks tokens"],
        gates: Float[Tensor, "networks edges"],
        scores: Float[Tensor, " networks"],
    ) -> None:
        """Some networks at these rows of a group; their padding may be shorter or longer than the file's."""
        found = {"gates": gates, "open": open_neurons, "scores": scores, "tokens": tokens}
        for kind, values in found.items():
            name = f"{group}.{kind}"
            count, *shape = self._shapes[name]
            own = values.detach().cpu()[:, : shape[0]].contiguous() if shape else values.detach().cpu().contiguous()
            for row, one in zip(rows, own.numpy(), strict=True):
                assert 0 <= row < count
                self._stream.seek(self._begin[name] + NUMBER * row * math.prod(shape))
                self._stream.write(one.tobytes())


def shapes_of(tokenizer: WeightTokenizer, blueprints: Sequence[Blueprint]) -> dict[str, tuple[int, ...]]:
    """By kind the shape of the tensor that holds these networks, counted without laying any out."""
    count = len(blueprints)
    longest = max(tokenizer.size(blueprint) for blueprint in set(blueprints))
    edges = max(len(blueprint.optional_edges) for blueprint in blueprints)
    return {
        "gates": (count, edges),
        "open": (count, longest),
        "scores": (count,),
        "tokens": (count, longest, tokenizer.entries),
    }


def write_zoo(
    home: Path, facts: Facts, fill: Callable[[NetworksWriter], Spent], scratch_in: Path | None = None
) -> None:
    """Write a zoo; the folder appears whole or not at all.

    Args:
        home: the folder.
        facts: of the networks.
        fill: puts every network.
        scratch_in: where it is put together, on the same disk; by default beside ``home``.
    """
    groups = {
        "training": facts.config.trained(facts.pool),
        "validation": facts.validation,
        "test": facts.test,
    }
    with whole_folder(home, scratch_in) as scratch:
        file = scratch / NETWORKS
        with writing(file) as stream:
            spent = fill(NetworksWriter(stream, WeightTokenizer(width=facts.config.token_width), groups))
        content = {
            "schema": SCHEMA,
            "digest": facts.digest,
            "config": facts.config.model_dump(),
            "seconds": spent.seconds,
            "still_improving": spent.still_improving,
            "doubled": spent.doubled,
            "pool": [b.architecture.to_dict() for b in facts.pool],
            "validation": [b.architecture.to_dict() for b in facts.validation],
            "test": [b.architecture.to_dict() for b in facts.test],
            "sha256": sha256(file),
        }
        write_json(scratch / ZOO, content)


def save_zoo(zoo: Zoo, home: Path) -> None:
    """Write a zoo as ``zoo.json`` and ``networks.safetensors``; the folder appears whole or not at all."""

    def fill(writer: NetworksWriter) -> Spent:
        for group in GROUPS:
            collection: Collection = getattr(zoo, group)
            start = 0
            for networks in collection.parts():
                rows = range(start, start + len(networks))
                scores = collection.scores[list(rows)]
                writer.put(group, rows, networks.tokens, networks.open_neurons, networks.gates, scores)
                start = rows.stop
        return Spent(seconds=zoo.seconds, still_improving=zoo.still_improving, doubled=zoo.doubled)

    facts = Facts(
        config=zoo.config,
        digest=zoo.digest,
        pool=zoo.pool,
        validation=zoo.validation.blueprints,
        test=zoo.test.blueprints,
    )
    write_zoo(home, facts, fill)


@contextmanager
def whole_folder(home: Path, scratch_in: Path | None = None) -> Iterator[Path]:
    """A scratch folder that becomes ``home`` when all is in it, unless another process was faster."""
    beside = scratch_in or home.parent
    beside.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=beside))
    try:
        yield scratch
        if not home.exists():
            scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def load_zoo(home: Path, config: ZooConfig) -> Zoo:
    """Open what ``save_zoo`` wrote: checked as a whole, in small pieces; networks stay in the file until selected.

    Raises:
        DamagedFile: naming the file that is missing, truncated or altered.
    """
    remedy = f"remove the folder {home} and the zoo is trained anew"
    content = read_json(home / ZOO, remedy=remedy)
    file = home / NETWORKS
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or content.get("digest") != home.name:
        raise DamagedFile(f"{home / ZOO}: expected schema {SCHEMA} and digest {home.name}; {remedy}")
    if sha256(file, "safetensors file", remedy) != content.get("sha256"):
        raise DamagedFile(f"{file}: its content does not match the checksum in zoo.json; {remedy}")
    try:
        return _zoo_of(config, content, map_tensors(file))
    except (WeightloomError, KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        reason = in_one_line(error)
        raise DamagedFile(f"{home}: expected the networks of a zoo, got {reason}; {remedy}") from error


def _zoo_of(config: ZooConfig, content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Zoo:
    tokenizer = WeightTokenizer(width=config.token_width)
    pool = tuple(Blueprint.of(Architecture.from_dict(a)) for a in content["pool"])

    def collection(group: str, blueprints: Sequence[Blueprint]) -> Collection:
        own = {kind: tensors[f"{group}.{kind}"] for kind in KINDS}
        for kind, shape in shapes_of(tokenizer, blueprints).items():
            if (tuple(own[kind].shape), own[kind].dtype) != (shape, torch.float32):
                raise WeightloomError(
                    f"{group} {kind} of {tuple(own[kind].shape)} in {own[kind].dtype} where the architectures have "
                    f"{shape} in torch.float32"
                )
        return Collection(
            tokenizer=tokenizer,
            blueprints=tuple(blueprints),
            scores=own["scores"].clone(),
            tokens=own["tokens"],
            open_neurons=own["open"],
            gates=own["gates"],
            places=torch.arange(len(blueprints)),
            device=torch.device("cpu"),
        )

    def held_out(group: str) -> Collection:
        return collection(group, [Blueprint.of(Architecture.from_dict(a)) for a in content[group]])

    return Zoo(
        config=config,
        pool=pool,
        training=collection("training", config.trained(pool)),
        validation=held_out("validation"),
        test=held_out("test"),
        seconds=float(content["seconds"]),
        still_improving=float(content["still_improving"]),
        doubled=tuple((float(once), float(twice)) for once, twice in content["doubled"]),
        digest=content["digest"],
    )
