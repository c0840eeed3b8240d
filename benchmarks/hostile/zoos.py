"""A small zoo and a batch of one that is being trained, and what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from generators.collection import Collection
from generators.generated import Generated
from generators.tokens import WeightTokenizer
from search_spaces import Architecture, Blueprint, MLPSpace
from workbench.tasks import load_task
from workbench.zoo import Zoo, ZooConfig, load_zoo, save_zoo
from workbench.zoo.batched import Batch, Training
from workbench.zoo.parts import Part, Parts

SPACE = MLPSpace(inputs=6, outputs=3, depths=(1, 2), widths=(2, 4))
DIGEST = "0123456789abcdef"


def networks_of(width: int, architectures: Sequence[Architecture]) -> Generated:
    tokenizer = WeightTokenizer(width=width)
    layout = tokenizer.batch([Blueprint.of(architecture) for architecture in architectures])
    noise = torch.randn(layout.used.shape, generator=torch.Generator().manual_seed(0))
    return Generated.dense(tokenizer, layout, layout.centre + layout.scale * noise)


def collection_of(width: int, architectures: Sequence[Architecture]) -> Collection:
    return Collection.of(networks_of(width, architectures), torch.linspace(0, 1, len(architectures)))


def zoo_config() -> ZooConfig:
    return ZooConfig(networks=4, pool=4, test=2, validation=2, seeds=2, token_width=8)


def zoo(folder: Path) -> None:
    rng, config = np.random.default_rng(0), zoo_config()
    pool, held = SPACE.sample_distinct(4, rng), SPACE.sample_distinct(4, rng)
    made = Zoo(
        config=config,
        pool=tuple(Blueprint.of(a) for a in pool),
        training=collection_of(8, pool),
        validation=collection_of(8, [a for a in held[:2] for _ in range(2)]),
        test=collection_of(8, [a for a in held[2:] for _ in range(2)]),
        seconds=1.0,
        still_improving=0.0,
        doubled=(),
        digest=DIGEST,
    )
    save_zoo(made, folder / made.digest)


def zoo_parts(folder: Path) -> Parts:
    config = zoo_config()
    training = Training(
        task=load_task("digits"),
        tokenizer=WeightTokenizer(width=8),
        blueprints=[Blueprint.of(a) for a in SPACE.sample_distinct(2, np.random.default_rng(0))],
        seeds=[0, 1],
        recipe=config.recipe,
    )
    return Parts(folder=folder, name="training", origin=DIGEST, training=training)


def zoo_part(folder: Path) -> None:
    parts = zoo_parts(folder)
    rows = parts.training.rows(0)
    networks = networks_of(8, [parts.training.results[row].architecture for row in rows])
    batch = Batch(
        tokens=networks.tokens,
        open_neurons=networks.open_neurons,
        gates=networks.gates,
        scores=torch.ones(len(rows)),
        curve=(0.5,),
        still_improving=1.0,
    )
    parts.write(0, Part(batch=batch, seconds=1.0))


def loaded_zoo(folder: Path) -> Zoo:
    return load_zoo(folder / DIGEST, zoo_config())
