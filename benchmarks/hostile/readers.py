"""Everything that reads a file, each with a small sound one: what the program does with it, from the first byte on."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.hostile import exports, zoos
from benchmarks.hostile.records import ANSWER, CELL, ZOO_CELL, figures, summary
from benchmarks.hostile.zoos import SPACE, collection_of, networks_of
from generators.generator import Fitted, Generator
from generators.registry import make_generator
from generators.saving import from_pretrained, save_pretrained
from generators.topology import TopologyGenerator, load_topology, save_topology
from generators.topology.generator import TopologyConfig
from search_spaces import Architecture, Blueprint
from search_spaces.draw import draw, draw_text
from search_spaces.files import read_bytes, write_json, write_text
from search_spaces.rules import Rules
from search_spaces.tables.nasbench201 import read_nasbench201
from sweeps.bench import Cell, ZooCell
from sweeps.config import BenchConfig, SweepConfig, resolve, resolve_as
from sweeps.objectives import NAMES
from sweeps.opening import opened
from sweeps.origin import Origin
from sweeps.place import place_of
from sweeps.reading import read_rules, to_yaml
from sweeps.status import status_of
from workbench.answers import Answer
from workbench.comparison import difference_warnings, rows_as_csv, terminal_table
from workbench.export import read_network, write_network
from workbench.own_generator import kept
from workbench.provenance import Provenance
from workbench.records import read_record
from workbench.report.page import render
from workbench.report.pictures import pictures
from workbench.sentences import verdict_sentences
from workbench.summary import GeneratorSummary, Summary
from workbench.tasks.file import file
from workbench.tasks.idx import FILES, idx
from workbench.training.checkpoint import Checkpoint, State, go_on, optimizer_state, put_back, random_state

IDENTITY = "of the training"
REMEDY = "make it again"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file or folder.

    Attributes:
        make: writes a sound one into an empty folder.
        read: reads it as the program does; raises what the program raises.
    """

    make: Callable[[Path], object]
    read: Callable[[Path], object]


def _architecture() -> Architecture:
    return SPACE.sample(np.random.default_rng(0))


def _shown(folder: Path) -> None:
    text = read_bytes(folder / "architecture.json").decode("utf-8", errors="replace")
    architecture = Architecture.from_json(text)
    draw(architecture), draw_text(architecture), architecture.key, Blueprint.of(architecture)


def _network(folder: Path) -> None:
    generated = networks_of(8, [_architecture()])
    provenance = Provenance(
        task="digits", task_digest="d", space="mlp", generator="mlp", generator_digest="g", seed=3,
        scores={"score": 0.9},
    )  # fmt: skip
    write_network(folder / "network.safetensors", generated, 0, provenance)


def _loaded_network(folder: Path) -> None:
    loaded = read_network(folder / "network.safetensors")
    with torch.no_grad():
        loaded.module(torch.zeros(1, int(loaded.architecture.nodes[0]["width"])))


def _generator(name: str, settings: dict[str, Any]) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        generator: Generator = make_generator(name, settings)
        if isinstance(generator, Fitted):
            generator.fit(collection_of(8, SPACE.sample_distinct(4, np.random.default_rng(0))))
        save_pretrained(generator, folder)

    return make


def _emitted(folder: Path) -> None:
    from_pretrained(folder).generate([Blueprint.of(_architecture())], [0])


def _origin(folder: Path) -> None:
    Origin(task="digits", task_digest="d", space="mlp", space_settings={"widths": [4]}, inputs=64, outputs=10).write(
        folder
    )


def _opened_origin(folder: Path) -> None:
    Origin.read(folder).open_space().sample(np.random.default_rng(0))


def _training() -> tuple[torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    return module, optimizer, schedule


def _checkpoint(folder: Path) -> None:
    module, optimizer, schedule = _training()
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    tensors, plain = optimizer_state(optimizer)
    own = {f"module.{name}": value for name, value in module.state_dict().items()}
    steps = {name: value for name, value in schedule.state_dict().items() if name != "lr_lambdas"}
    state = State(
        phase=0, step=1, done=0, seconds=1.0, curve=(("task", 0, 1.0),), tensors={**own, **tensors, **random_state()},
        plain={**plain, "schedule": steps},
    )  # fmt: skip
    Checkpoint(folder / "checkpoint", IDENTITY).write(state)


def _gone_on(folder: Path) -> None:
    state = Checkpoint(folder / "checkpoint", IDENTITY).read()
    if state is None:
        return
    module, optimizer, schedule = _training()
    with put_back():
        module.load_state_dict(
            {k.removeprefix("module."): v for k, v in state.tensors.items() if k.startswith("module.")}
        )
    go_on(optimizer, schedule, state)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    schedule.step()


def _compared(folder: Path) -> None:
    found = Summary.read(folder)
    render(found, pictures(found, folder))
    terminal_table([found]), verdict_sentences(found), difference_warnings([found, found])
    rows_as_csv([found])


def _study(folder: Path) -> None:
    run = folder / "run"
    run.mkdir(parents=True)
    with opened(place_of(run, None), "run", 0) as store:
        store.target = 2
        store.enqueue({"family": "mlp"})
        trial = store.claim("somebody", lambda name: None)
        assert trial is not None
        trial.suggest_categorical("family", ["mlp"])
        store.finish(trial, dict.fromkeys(NAMES, 0.5))


def _table(folder: Path) -> None:
    lines = ["ops,accuracy,loss", *(f"00000{i},{90 + i}.5,0.{i}" for i in range(5))]
    write_text(folder / "table.csv", "\n".join(lines) + "\n")


def _packed(folder: Path) -> None:
    _table(folder)
    (folder / "table.csv.gz").write_bytes(gzip.compress((folder / "table.csv").read_bytes(), mtime=0))
    (folder / "table.csv").unlink()


def _images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shape = (20, 4, 4) if "images" in name else (20,)
        head = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        (folder / name).write_bytes(head + bytes(i % 3 for i in range(int(np.prod(shape)))))


def _own_table(folder: Path) -> None:
    lines = ["length,width,label", *(f"{i},{i % 5}.5,{'ab'[i % 2]}" for i in range(20))]
    write_text(folder / "own.csv", "\n".join(lines) + "\n")


def _own_arrays(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "own.npz", x=np.arange(60.0).reshape(20, 3), y=np.arange(20) % 2)


def _own_pictures(folder: Path) -> None:
    for i in range(12):
        home = folder / "pictures" / "ab"[i % 2]
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 4), 20 * i, dtype=np.uint8)).save(home / f"{i:02}.png")


def _record(kind: type[Any], content: dict[str, Any]) -> Reader:
    def read(folder: Path) -> object:
        return read_record(folder / "record.json", kind, remedy=REMEDY)

    return Reader(make=lambda folder: write_json(folder / "record.json", content), read=read)


def _storage(folder: Path) -> None:
    (folder / "run").mkdir(parents=True)
    write_text(folder / "run" / "storage.txt", "postgresql://me:***@127.0.0.1:1/db\n")


def _own(folder: Path) -> None:
    _generator("mlp", {"d": 8, "hidden": 8, "latent": 2, "token_width": 8})(folder)
    write_json(folder / "cost.json", {"seconds": 1.5})


def _untrained() -> Generator:
    raise AssertionError("a whole one is there")


READERS: dict[str, Reader] = {
    "architecture": Reader(
        make=lambda folder: write_text(folder / "architecture.json", _architecture().to_json()), read=_shown
    ),
    "rules": Reader(
        make=lambda folder: write_text(folder / "rules.yaml", to_yaml(Rules(max_depth=8, contain=("pool",)).to_dict())),
        read=lambda folder: read_rules(str(folder / "rules.yaml")),
    ),
    "sweep settings": Reader(
        make=lambda folder: write_text(folder / "config.yaml", SweepConfig().to_yaml()),
        read=lambda folder: resolve(str(folder / "config.yaml")),
    ),
    "bench settings": Reader(
        make=lambda folder: write_text(folder / "config.yaml", BenchConfig().to_yaml()),
        read=lambda folder: resolve_as(BenchConfig, str(folder / "config.yaml"), {}),
    ),
    "network": Reader(make=_network, read=_loaded_network),
    "generator": Reader(make=_generator("mlp", {"d": 8, "hidden": 8, "latent": 2, "token_width": 8}), read=_emitted),
    "diffusion generator": Reader(make=_generator("diffusion", {"d": 8, "layers": 1, "token_width": 8}), read=_emitted),
    "baseline": Reader(make=_generator("noise", {"token_width": 8}), read=_emitted),
    "own generator": Reader(make=_own, read=lambda folder: kept(folder, _untrained)),
    "topology generator": Reader(
        make=lambda folder: save_topology(TopologyGenerator(TopologyConfig(d=4)), folder),
        read=lambda folder: load_topology(folder).emit(SPACE, [0]),
    ),
    "origin": Reader(make=_origin, read=_opened_origin),
    "zoo": Reader(make=zoos.zoo, read=zoos.loaded_zoo),
    "batch of a zoo": Reader(make=zoos.zoo_part, read=lambda folder: zoos.zoo_parts(folder).read(0)),
    "checkpoint": Reader(make=_checkpoint, read=_gone_on),
    "summary": Reader(make=lambda folder: write_json(folder / "summary.json", summary()), read=_compared),
    "trial": _record(GeneratorSummary, figures()),
    "bench cell": _record(Cell, CELL),
    "zoo of a bench": _record(ZooCell, ZOO_CELL),
    "answer": _record(Answer, ANSWER),
    "table": Reader(make=_table, read=lambda folder: read_nasbench201(folder / "table.csv")),
    "packed table": Reader(make=_packed, read=lambda folder: read_nasbench201(folder / "table.csv.gz")),
    "images": Reader(make=_images, read=lambda folder: idx(str(folder))),
    "own table": Reader(make=_own_table, read=lambda folder: file(str(folder / "own.csv"))),
    "own arrays": Reader(make=_own_arrays, read=lambda folder: file(str(folder / "own.npz"))),
    "own pictures": Reader(make=_own_pictures, read=lambda folder: file(str(folder / "pictures"))),
    "hub folder": Reader(make=exports.hub, read=exports.loaded_hub),
    "exported program": Reader(make=exports.program, read=exports.run_program),
    "ONNX file": Reader(make=exports.onnx, read=exports.facts_of_onnx),
    "ledger": Reader(make=exports.ledger, read=exports.remarks),
    "study": Reader(make=_study, read=lambda folder: status_of(folder / "run")),
    "address of the storage": Reader(
        make=_storage, read=lambda folder: place_of(folder / "run", "postgresql://me:x@127.0.0.1:1/db")
    ),
}
"""By what they are called in ``docs/security.md``."""
