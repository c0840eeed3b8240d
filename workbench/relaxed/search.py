"""Relaxed gates of one search: supernets, a generator for them, gates optimised through it; kept on disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from pydantic import Field

from generators.generator import Generator
from generators.mlp import LatentConfig
from generators.registry import GENERATORS, make_config
from search_spaces import SPACES, DamagedFile, SearchSpace, WeightloomError
from search_spaces.architecture import Genome, Value
from search_spaces.relaxation import Relaxable, Relaxation
from workbench import files
from workbench.own_generator import OwnGeneratorConfig, kept, made_from, train_own
from workbench.records import read_record
from workbench.relaxed.gates import GateConfig, optimise
from workbench.relaxed.mixture import Mixture, gumbel
from workbench.relaxed.objective import SupernetObjective
from workbench.relaxed.outcome import outcome
from workbench.search_summary import Relaxed
from workbench.summary import Record
from workbench.tasks import Task
from workbench.training import TrainingConfig

SCHEMA = 1
TRIES = 20
"""Genomes drawn for each supernet that is wanted, as some relax to the same one."""


class RelaxedConfig(OwnGeneratorConfig):
    """How a search relaxes its space; unknown keys are errors."""

    settings: dict[str, int | float] = Field(
        default={"hidden": 128, "layers": 2, "d": 64, "latent_start": 0.1, "change": 0.3},
        description="of the family, where not its defaults: a small one, since a supernet has many parameters, that at "
        "first hears little of the chances and changes fresh weights, since a supernet is deep",
    )
    learning_rate: float = Field(default=5e-3, gt=0, le=1, description="of the generator")
    architectures: int = Field(default=4, ge=1, description="networks in one step")
    batch_size: int = Field(default=64, ge=1, description="examples in one step, shared by its networks")
    supernets: int = Field(
        default=8, ge=1, description="draws of the genes that cannot be relaxed; 1 where there are none"
    )
    gates: GateConfig = GateConfig()


class Ended(Record):
    """Where the gates of one supernet ended.

    Attributes:
        genome: what they chose, with the genes that were held.
        logits: of all options.
        outcome: how it scores.
    """

    genome: dict[str, Value]
    logits: list[float]
    outcome: Relaxed


class Gates(Record):
    """All supernets of a search, the best discretisation first, and the processor seconds that the gates took."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    ended: list[Ended]
    seconds: float


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RelaxedGates:
    """What a search learned about its space.

    Attributes:
        discretised: a genome for each supernet: every gene's most probable option; the best generated score first.
        outcome: of the first of them.
        seconds: of processor time that the generator's and the gates' training took, whenever that was.
    """

    discretised: Sequence[Genome]
    outcome: Relaxed
    seconds: float
    mixtures: Sequence[Mixture]
    logits: Sequence[torch.Tensor]

    def sample(self, place: int, rng: np.random.Generator) -> Genome:
        """Draw from what the gates of supernet ``place`` (counted around) learned: the softmax of their logits."""
        mixture, logits = self.mixtures[place % len(self.mixtures)], self.logits[place % len(self.logits)]
        random = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return mixture.genome(mixture.corner(logits + gumbel(len(logits), random)))


def relaxable(space: SearchSpace) -> Relaxable:
    """The space, if it has a relaxation.

    Raises:
        WeightloomError: it has none, naming the registered ones that have.
    """
    if not isinstance(space, Relaxable):
        having = [name for name in SPACES.names() if issubclass(SPACES.load(name), Relaxable)]
        raise WeightloomError(
            f"search method relaxed: expected a space whose choices can be relaxed ({', '.join(having)}), got "
            f"{space.name}; search one of those, or leave the method out"
        )
    return space


def open_relaxed(
    task: Task, space: SearchSpace, config: RelaxedConfig, seed: int, folder: Path, noise: float
) -> RelaxedGates:
    """Relaxed gates of the search with this seed: read from ``folder`` if they are there, else made.

    Generator and gates see training examples only; scores in the outcome are on validation examples, as queries are.

    Args:
        task: gives the examples.
        space: has a relaxation.
        config: sizes.
        seed: of held genes, first weights, samples and examples.
        folder: generators and gates are kept in, named by digests of all that made them.
        noise: standard deviation added to inputs in training, as for real networks.

    Raises:
        WeightloomError: the space has no relaxation, or the family reads no latent vector.
        UnknownName: no such family.
        DamagedFile: a file was altered.
        RunFailed: a loss became NaN.
    """
    relaxations = _supernets(space, config.supernets, seed)
    length = _latent(config)
    mixtures = [Mixture(relaxation, length) for relaxation in relaxations]
    training = TrainingConfig(
        mode="task",
        steps=config.steps,
        architectures=config.architectures,
        batch_size=config.batch_size,
        input_noise=noise,
        learning_rate=config.learning_rate,
        seed=seed,
    )

    def train() -> Generator:
        return train_own(config, training, SupernetObjective(task, mixtures, training))

    home = folder / made_from(task, space, "relaxed", config.model_dump(exclude={"gates"}), seed, noise)
    generator, seconds = kept(home, train)
    path = home / f"gates-{hashlib.sha256(config.gates.model_dump_json().encode()).hexdigest()[:12]}.json"
    if not path.exists():
        began = time.process_time()
        ended = _optimised(generator, mixtures, task, config.gates, seed, noise)
        files.write_json(path, Gates(ended=ended, seconds=time.process_time() - began).model_dump(by_alias=True))
    found = _read(path)
    return RelaxedGates(
        discretised=[dict(each.genome) for each in found.ended],
        outcome=found.ended[0].outcome,
        seconds=seconds + found.seconds,
        mixtures=[Mixture(relaxable(space).relax(each.genome), length) for each in found.ended],
        logits=[torch.tensor(each.logits) for each in found.ended],
    )


def _supernets(space: SearchSpace, count: int, seed: int) -> list[Relaxation]:
    """Of random genomes; those that differ in what is held, and have anything to relax."""
    rng, able = np.random.default_rng(seed), relaxable(space)
    found: dict[tuple[tuple[str, Value], ...], Relaxation] = {}
    for _ in range(TRIES * count):
        relaxation = able.relax(space.genome(space.sample(rng)))
        if relaxation.choices:
            found.setdefault(relaxation.held, relaxation)
        if len(found) == count or not relaxation.held:
            break
    if not found:
        raise WeightloomError(
            f"search method relaxed: expected architectures of space {space.name} with choices that can be relaxed, "
            f"got none in {TRIES * count}; widen the space"
        )
    return list(found.values())


def _latent(config: RelaxedConfig) -> int:
    """The length of the latent that the family's generators read."""
    kind: type[Generator] = GENERATORS.load(config.family)
    if not issubclass(kind.Config, LatentConfig):
        raise WeightloomError(
            f"search method relaxed: expected a family whose generators read a latent vector, got {config.family}; "
            "choose mlp or transformer"
        )
    made = make_config(config.family, kind.Config, config.settings)
    assert isinstance(made, LatentConfig), "checked above"
    return made.latent


def _optimised(
    generator: Generator, mixtures: Sequence[Mixture], task: Task, config: GateConfig, seed: int, noise: float
) -> list[Ended]:
    logits = optimise(generator, mixtures, task.train, config, seed=seed, noise=noise)
    ended = []
    for mixture, values in zip(mixtures, logits, strict=True):
        chances = mixture.chances(values / config.last_temperature)
        ended.append(
            Ended(
                genome=mixture.genome(mixture.corner(chances)),
                logits=values.tolist(),
                outcome=outcome(generator, mixture, chances, task.validation),
            )
        )
    return sorted(ended, key=lambda each: -each.outcome.regenerated)


def _read(path: Path) -> Gates:
    remedy = "remove the file and the gates are optimised again"
    found = read_record(path, Gates, remedy=remedy)
    if found.schema_version != SCHEMA or not found.ended:
        raise DamagedFile(f"{path}: expected schema {SCHEMA} with one supernet or more, got another; {remedy}")
    return found
