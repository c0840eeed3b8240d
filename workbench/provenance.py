"""All it takes to make the same network again; travels with every export."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from generators.form import Form, Limit
from generators.generated import Generated
from generators.generator import Generator
from generators.rounding import WeightsAs
from generators.saving import generator_digest, library_version
from generators.topology import TopologyGenerator, topology_digest
from search_spaces import Architecture, Blueprint, SearchSpace, WeightloomError
from search_spaces.rules import Rules, violations
from workbench.summary import Measured, Record

LIBRARIES = ("torch", "numpy", "diffusers", "safetensors", "onnx", "onnxruntime", "optuna", "wandb")


def versions() -> dict[str, str]:
    """Versions of Python, weightloom and the libraries that matter to what is generated; imports none."""
    found = {"python": platform.python_version(), "weightloom": library_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def now() -> datetime:
    """The time, or what ``SOURCE_DATE_EPOCH`` says it is (seconds since 1970), as reproducible-builds.org has it.

    Raises:
        WeightloomError: the variable is no number.
    """
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    if not stated:
        return datetime.now(UTC)
    if not stated.isdecimal() or len(stated) > 11:
        raise WeightloomError(f"SOURCE_DATE_EPOCH: expected seconds since 1970, got {stated!r}; unset it")
    return datetime.fromtimestamp(int(stated), UTC)


class Emitted(Record):
    """Which topology generator chose an architecture, and from what.

    Attributes:
        digest: `generators.topology.topology_digest`.
        path: folder of the saved generator.
        seed: of the architecture's latent.
        flops: budget that it was given; ``None`` for none.
    """

    digest: str
    path: str
    seed: int
    flops: float | None = None


class Provenance(Record):
    """Where a generated network comes from.

    Attributes:
        task, task_digest: name and `Task.digest` of the data.
        space: of the architecture.
        zoo_digest: of the trained networks that the generator learned from; ``None`` if it saw none.
        generator, generator_digest: registered name and `generators.saving.generator_digest`.
        generator_path: folder of the saved generator, relative to the run's folder; ``None`` if not saved.
        seed: of the network's latent.
        density: share of hidden neurons asked for.
        weights: share of weights asked for.
        weights_as: how its weights were rounded after they were generated.
        max_norm, max_lipschitz: limits that it keeps, see `generators.form.Form`.
        norm, lipschitz: what it reaches of these.
        mode: how the generator was trained; ``None`` for baselines.
        rules: that the architecture keeps, budgets included, as `search_spaces.rules.Rules.to_dict` has them.
        topology: what chose the architecture; ``None`` if no topology generator did.
        scores: what was measured on the network; ``score`` is the task's test score, ``score_as_float`` the one before
            weights were rounded.
        versions: see `versions`.
        created: when, with time zone.
        weightloom: version that wrote this.
    """

    task: str
    task_digest: str
    space: str
    zoo_digest: str | None = None
    generator: str
    generator_digest: str
    generator_path: str | None = None
    seed: int
    density: Annotated[float, Field(gt=0, le=1)] = 1.0
    weights: Annotated[float, Field(gt=0, le=1)] = 1.0
    weights_as: WeightsAs = "float32"
    max_norm: Limit = None
    max_lipschitz: Limit = None
    norm: Measured = None
    lipschitz: Measured = None
    mode: str | None = None
    rules: dict[str, Any] = Field(default_factory=dict)
    topology: Emitted | None = None
    scores: dict[str, Measured] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=versions)
    created: AwareDatetime = Field(default_factory=now)
    weightloom: str = Field(default_factory=library_version)

    @property
    def form(self) -> Form:
        """What was done to the network after it was generated."""
        return Form(weights_as=self.weights_as, max_norm=self.max_norm, max_lipschitz=self.max_lipschitz)


def regenerate(provenance: Provenance, generator: Generator, architecture: Architecture) -> Generated:
    """The network that ``provenance`` tells of, generated and brought into its form again (a batch of one).

    On the same machine and versions it is equal bit for bit to one that was generated alone; one that was
    generated in a batch, or elsewhere, differs by float rounding.

    Raises:
        WeightloomError: ``generator`` is not the one that made the network.
    """
    got = generator_digest(generator)
    if generator.name != provenance.generator or got != provenance.generator_digest:
        where = f"; it was saved in {provenance.generator_path}" if provenance.generator_path else ""
        raise WeightloomError(
            f"provenance: expected generator {provenance.generator!r} with digest "
            f"{provenance.generator_digest[:12]}…, got {generator.name!r} with {got[:12]}…{where}"
        )
    asked = provenance.density, provenance.weights
    return provenance.form.of(generator.generate([Blueprint.of(architecture)], [provenance.seed], *asked))


def emitted_again(emitted: Emitted, rules: Rules, generator: TopologyGenerator, space: SearchSpace) -> Architecture:
    """The architecture that ``emitted`` tells of, emitted again.

    Raises:
        WeightloomError: ``generator`` is not the one that chose it.
    """
    got = topology_digest(generator)
    if got != emitted.digest:
        raise WeightloomError(
            f"provenance: expected the topology generator with digest {emitted.digest[:12]}…, got {got[:12]}…; "
            f"it was saved in {emitted.path}"
        )
    return generator.emit(space, [emitted.seed], emitted.flops, rules)[0]


def check_rules(provenance: Provenance, architecture: Architecture) -> None:
    """Check that an architecture keeps the rules that its provenance names.

    Raises:
        WeightloomError: it breaks one, or there is no such rule.
    """
    broken = violations(architecture, Rules.of(provenance.rules))
    if broken:
        raise WeightloomError(
            f"rules: expected an architecture that keeps them, got {architecture}, which does not: "
            f"{'; '.join(broken)}; choose another architecture or loosen the rules"
        )
