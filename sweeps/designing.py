"""Architectures for networks that are generated: drawn, or emitted by a topology generator, which is trained here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from generators.saving import from_pretrained
from generators.topology import load_topology, save_topology, topology_digest
from search_spaces import Architecture, RunFailed, SearchSpace, WeightloomError
from search_spaces.rules import Emission, Rules
from sweeps.origin import Origin
from sweeps.watching import Watcher
from workbench.execution import settle
from workbench.export import Recipe
from workbench.guide import GeneratedScores
from workbench.provenance import Emitted, emitted_again
from workbench.tasks import load_task
from workbench.topology import TopologyTrained, TopologyTraining, train_topology


def design_topology(
    folder: Path, out: Path, *, training: TopologyTraining, rules: Rules, data: str | None, watcher: Watcher
) -> TopologyTrained:
    """Train a topology generator for the weights of a saved generator, on validation data, and save it into ``out``.

    Raises:
        WeightloomError: there is no generator, or no architecture keeps the rules.
        RunFailed: the training broke down.
    """
    settle()
    generator, origin = from_pretrained(folder), Origin.read(folder)
    task = load_task(origin.task, data or origin.data)
    scorer = GeneratedScores(generator=generator, task=task, latents=1, seconds=0.0)
    trained = train_topology(
        origin.open_space(),
        scorer.scores,
        training,
        rules=rules,
        told=lambda done, total: watcher.progress("topology", done, total),
    )
    save_topology(trained.generator, out)
    origin.write(out)
    return trained


def drawn(
    space: SearchSpace, count: int, seed: int, flops: float | None, rules: Rules, topology: Path | None
) -> Iterator[tuple[Architecture, Emitted | None]]:
    """Architectures that keep ``rules``, a budget of ``flops`` among them, each with what chose it if not chance.

    Drawn ones differ. Those of a topology generator come one by one from latents ``seed``, ``seed + 1``, ..., so that
    each can be emitted again by itself.

    Raises:
        WeightloomError: no architecture keeps budget and rules, or the topology generator is for another space.
    """
    if topology is None:
        found = space.sample_distinct(count, np.random.default_rng(seed), draw=Emission(space, rules).sample)
        yield from ((one, None) for one in found)
        return
    generator, origin = load_topology(topology), Origin.read(topology)
    if origin.space != space.name or origin.open_space().shape != space.shape:
        raise WeightloomError(
            f"{topology}: expected a topology generator for space {space.name!r} and examples of shape {space.shape}, "
            f"got one for {origin.space!r} and {origin.shape}; train one with `weightloom design`"
        )
    digest, path = topology_digest(generator), str(topology.resolve())
    for latent in range(seed, seed + count):
        emitted = Emitted(digest=digest, path=path, seed=latent, flops=flops)
        yield emitted_again(emitted, rules, generator, space), emitted


def verify_architecture(recipe: Recipe, topology: Path | None) -> None:
    """Emit the architecture of an export again, if a topology generator chose it, and compare.

    Raises:
        WeightloomError: the topology generator is not found, or is not the one.
        RunFailed: another architecture comes out.
    """
    emitted = recipe.provenance.topology
    if emitted is None:
        return
    folder = topology or Path(emitted.path)
    space = Origin.read(folder).open_space()
    again = emitted_again(emitted, Rules.of(recipe.provenance.rules), load_topology(folder), space)
    if again != recipe.graph:
        raise RunFailed(
            f"topology generator {folder}: expected the file's architecture {recipe.graph}, got {again}; "
            f"was it made with other library versions? {recipe.provenance.versions}"
        )
