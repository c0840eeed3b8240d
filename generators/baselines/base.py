"""What fitted baselines share: the training networks they keep, which of them are near, and tuning."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from generators.adaptation import ArchitectureIndex
from generators.baselines.parts import assemble
from generators.baselines.pooled import Pooled
from generators.collection import Collection
from generators.generated import Generated
from generators.generator import Condition, Fitted, Generator, GeneratorConfig
from generators.heads import to_values
from generators.tokens import LANES, BatchLayout
from search_spaces import Architecture, Blueprint, WeightloomError

# dimension names: networks, tokens, entries, edges as in generators.tokens

Own = TypeVar("Own", bound="FittedBaseline")
STATE = ("tokens", "open_neurons", "gates", "scores")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One setting that was tried in tuning and its mean validation score."""

    settings: Mapping[str, int | float]
    score: float


class FittedBaseline(Generator, Fitted):
    """A baseline that keeps the training networks and makes new ones out of those nearest to the target.

    A subclass gives ``grid`` (what tuning tries: per setting its values, the simplest first), ``choose``,
    ``draw_latent`` and ``draw``. Fitting drops networks with weights that are not finite.

    The training networks stay where they are, in memory or in a file: of a collection only the few near a target
    are read to generate for it.

    Attributes:
        role_mean, role_std: mean and standard deviation of their weights in natural units, for bias, scale,
            shift and weight; closed neurons do not count.
    """

    kind: ClassVar[Literal["family", "baseline"]] = "baseline"
    grid: ClassVar[Mapping[str, tuple[int | float, ...]]]
    role_mean: Tensor
    role_std: Tensor

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__(config)
        for name in ("role_mean", "role_std"):
            self.register_buffer(name, torch.zeros(0))
        self._training: Collection | None = None
        self._index = ArchitectureIndex(())

    @abstractmethod
    def choose(self, scores: Sequence[float]) -> int:
        """Which candidate of the grid to take, given the mean validation score of each."""

    @abstractmethod
    def draw(
        self, source: Collection, target: Blueprint, latent: Float[Tensor, "networks ..."]
    ) -> tuple[Float[Tensor, "networks tokens entries"], Float[Tensor, "networks edges"]]:
        """Values in natural units and gates of networks for one blueprint.

        Args:
            source: the training networks.
            target: of all the networks.
            latent: one per network, from ``draw_latent``.
        """

    @final
    def fit(self, training: Collection) -> None:
        """Keep the training networks.

        Raises:
            WeightloomError: there are none, they are in tokens of another width, or they are of modules that
                belong to no space (which could not be restored from a file).
        """
        if training.tokenizer != self.tokenizer:
            raise WeightloomError(
                f"generator {self.name}: expected networks in tokens of width {self.tokenizer.width}, got "
                f"{training.tokenizer.width}; set token_width to that of the zoo"
            )
        whole = [torch.isfinite(networks.tokens).flatten(1).all(1) for networks in training.parts()]
        finite = torch.cat(whole).nonzero().flatten().tolist()
        if not finite:
            raise WeightloomError(f"generator {self.name}: expected networks with finite weights to fit, got none")
        self._keep(training if len(finite) == len(training) else training.some(finite))

    @final
    def architectures(self) -> tuple[Architecture, ...]:
        """Of the training networks, in their order."""
        known = () if self._training is None else self._training.blueprints
        return tuple(blueprint.architecture for blueprint in known)

    @final
    def training_networks(self) -> Collection:
        """What it was fitted to, selected onto its device; raises ``WeightloomError`` before ``fit``."""
        if self._training is None:
            raise WeightloomError(f"generator {self.name}: it has no training networks yet; call fit first")
        return self._training.to(self.device)

    @final
    def export_state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """All that fitting gave: contiguous tensors on the CPU, and architectures as JSON objects."""
        if self._training is None:
            return {name: torch.zeros(0) for name in STATE}, []
        networks = self._training.in_memory()
        tensors = {name: getattr(networks, name).detach().cpu().contiguous() for name in STATE[:-1]}
        scores = self._training.scores.detach().cpu().contiguous()
        return {**tensors, "scores": scores}, [architecture.to_dict() for architecture in self.architectures()]

    @final
    def import_state(self, tensors: Mapping[str, Tensor], architectures: Sequence[Mapping[str, Any]]) -> None:
        """Take what ``export_state`` gave; raises ``WeightloomError`` where it does not fit together."""
        if set(tensors) != set(STATE):
            raise WeightloomError(f"generator {self.name}: expected tensors {sorted(STATE)}, got {sorted(tensors)}")
        if not architectures:
            return
        blueprints = [Blueprint.of(Architecture.from_dict(dict(data))) for data in architectures]
        longest = max(self.tokenizer.size(blueprint) for blueprint in blueprints)
        tokens = (len(blueprints), longest, self.tokenizer.entries)
        if tuple(tensors["tokens"].shape) != tokens:  # before tokens are laid out, which takes memory
            raise WeightloomError(
                f"generator {self.name}: expected tokens of {tokens} for {len(blueprints)} architectures, "
                f"got {tuple(tensors['tokens'].shape)}"
            )
        if {tensor.dtype for tensor in tensors.values()} != {torch.float32}:
            raise WeightloomError(f"generator {self.name}: expected 32-bit floats, got other types")
        layout = self.tokenizer.batch(blueprints)
        expected = (len(blueprints),), tuple(layout.edge_real.shape)
        if (tuple(tensors["scores"].shape), tuple(tensors["gates"].shape)) != expected:
            raise WeightloomError(
                f"generator {self.name}: expected scores and gates of {expected} for {len(blueprints)} "
                f"architectures, got {tuple(tensors['scores'].shape)} and {tuple(tensors['gates'].shape)}"
            )
        networks = Generated(
            tokenizer=self.tokenizer,
            layout=layout,
            tokens=tensors["tokens"],
            open_neurons=tensors["open_neurons"],
            gates=tensors["gates"],
        )
        self._keep(Collection.of(networks, tensors["scores"]))

    @final
    def configured(self: Own, **changes: int | float) -> Own:
        """The same fitted baseline with other settings; the training networks are shared, not copied."""
        other = type(self)(type(self.config)(**{**self.config.model_dump(), **changes}))
        if other.tokenizer != self.tokenizer:
            raise WeightloomError(f"generator {self.name}: token_width cannot be changed after construction")
        other._buffers.update(self._buffers)
        other._training, other._index = self._training, self._index
        return other

    @final
    def tune(
        self, blueprints: Sequence[Blueprint], score: Callable[[Generated], Float[Tensor, " networks"]]
    ) -> tuple[Tried, ...]:
        """Set ``config`` to the candidate of ``grid`` that ``choose`` picks; returns all that was tried.

        Args:
            blueprints: validation architectures; the i-th network is generated from seed i.
            score: validation score of each network, higher is better; NaN counts as 0.
        """
        tried = []
        for candidate in itertools.product(*self.grid.values()):
            settings = dict(zip(self.grid, candidate, strict=True))
            generated = self.configured(**settings).generate(blueprints, range(len(blueprints)))
            tried.append(Tried(settings=settings, score=float(torch.nan_to_num(score(generated).float()).mean())))
        chosen = tried[self.choose([trial.score for trial in tried])]
        self.config = self.configured(**chosen.settings).config
        return tuple(tried)

    @final
    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """Blueprint by blueprint; a network depends on its own blueprint, latent and density only."""
        source = self.training_networks()
        values = torch.zeros(layout.used.shape, device=self.device)
        gates = torch.zeros(layout.edge_real.shape, device=self.device)
        groups: dict[Blueprint, list[int]] = {}
        for row, blueprint in enumerate(layout.blueprints):
            groups.setdefault(blueprint, []).append(row)
        for blueprint, rows in groups.items():
            drawn, wired = self.draw(source, blueprint, latent[rows])
            values[rows, : drawn.shape[1]] = drawn
            gates[rows, : wired.shape[1]] = wired
        return assemble(self.tokenizer, layout, values, gates, condition)

    @final
    def nearest(self, target: Blueprint, networks: int) -> list[int]:
        """The nearest training networks: by ``architecture_distance``, then by score, then by order."""
        distance = self._index.distances(target)
        score = np.nan_to_num(self.training_networks().scores.detach().cpu().numpy(), nan=-np.inf)
        order = np.lexsort((np.arange(len(score)), -score, distance))
        return [int(i) for i in order[:networks]]

    @final
    def nearest_architectures(self, target: Blueprint, architectures: int) -> list[int]:
        """All training networks of so many nearest architectures, in the order of ``nearest``."""
        found: dict[Blueprint, None] = {}
        picks = []
        blueprints = self.training_networks().blueprints
        for i in self.nearest(target, len(blueprints)):
            if blueprints[i] not in found and len(found) == architectures:
                break
            found[blueprints[i]] = None
            picks.append(i)
        return picks

    def _keep(self, training: Collection) -> None:
        for blueprint in set(training.blueprints):
            if blueprint.architecture.space == "module":
                raise WeightloomError(
                    f"generator {self.name}: expected networks of a search space, got a user's own module "
                    f"{blueprint.architecture}; baselines can generate for modules but not be fitted to them"
                )
        device = self.device
        self._training, self._index = training, ArchitectureIndex(training.blueprints)
        pooled = [Pooled() for _ in range(LANES + 1)]
        for networks in training.parts():
            values, _ = to_values(networks.detach())
            alive = networks.layout.used & (networks.open_neurons > 0.5)[..., None]
            for i in range(LANES):
                pooled[i].add(values[..., i][alive[..., i]])
            pooled[LANES].add(values[..., LANES:][alive[..., LANES:]])
        self.role_mean = torch.tensor([role.mean for role in pooled]).to(device)
        self.role_std = torch.tensor([role.std for role in pooled]).to(device)
