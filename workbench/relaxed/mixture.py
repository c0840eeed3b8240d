"""A relaxation in tensors: from the probabilities of options to networks, their expected cost, and genomes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from generators.generated import Generated
from generators.generator import Generator, standard_normal
from search_spaces import Blueprint
from search_spaces.architecture import Genome, Value
from search_spaces.operations import node_flops, node_parameters
from search_spaces.relaxation import Relaxation, used

# dimension names: networks; options = the options of all relaxed genes, one gene after the other; edges = optional
# edges; latent

Cost = Literal["flops", "parameters"]


@final
class Mixture:
    """Networks of one supernet, given how probable each option of each relaxed gene is.

    The generator hears these probabilities: its latent is the sum of the options' fixed codes, weighted by them. So the
    weights that it emits may suit the architecture (as in SMASH, Brock et al. 2018, arXiv:1708.05344), and gradients
    reach the probabilities both by the gates and through the generator.

    Args:
        relaxation: at least one gene is relaxed.
        latent: length of the generator's latent.
    """

    def __init__(self, relaxation: Relaxation, latent: int) -> None:
        self.relaxation = relaxation
        self.blueprint = Blueprint.of(relaxation.architecture)
        self.sizes = [len(choice.options) for choice in relaxation.choices]
        self._place = {
            (choice.name, option): place
            for place, (choice, option) in enumerate((c, option) for c in relaxation.choices for option in c.options)
        }
        self._codes = torch.stack([_code(gene, option, latent) for gene, option in self._place])

    @property
    def options(self) -> int:
        """Of all relaxed genes."""
        return len(self._place)

    def gates(self, chances: Float[Tensor, "networks options"]) -> Float[Tensor, "networks edges"]:
        """Of every optional wire of the supernet."""

        def chance(gene: str, *options: Value) -> Tensor:
            return chances[:, [self._place[gene, option] for option in options]].sum(1)

        found = [gate(chance) for gate in self.relaxation.gates]
        return torch.stack([g if isinstance(g, Tensor) else chances.new_full((len(chances),), g) for g in found], 1)

    def latent(self, chances: Float[Tensor, "networks options"]) -> Float[Tensor, "networks latent"]:
        """What the generator hears: of unit variance for one-hot chances."""
        return chances @ self._codes.to(chances.device) / len(self.sizes) ** 0.5

    def cost(self, chances: Float[Tensor, "networks options"], kind: Cost) -> Float[Tensor, " networks"]:
        """Expected FLOPs of one example, or parameters; exact for one-hot chances."""
        counts = (node_flops if kind == "flops" else node_parameters)(self.relaxation.architecture)
        share = used(self.relaxation, list(self.gates(chances).unbind(1)))
        return sum((count * share[name] for name, count in counts.items() if count), torch.zeros(len(chances)))

    def chances(self, logits: Float[Tensor, " options"]) -> Float[Tensor, " options"]:
        """Those of logits: a softmax over each gene's options."""
        return torch.cat([part.softmax(0) for part in logits.split(self.sizes)])

    def corner(self, values: Float[Tensor, " options"]) -> Float[Tensor, " options"]:
        """1 for each gene's option of the highest value, 0 for all others."""
        parts = values.split(self.sizes)
        return torch.cat([torch.nn.functional.one_hot(p.argmax(), len(p)).to(p.dtype) for p in parts])

    def genome(self, corner: Float[Tensor, " options"]) -> dict[str, Value]:
        """What one-hot chances choose; the inverse of ``of_genome``."""
        return self.relaxation.genome({gene: option for (gene, option), place in self._place.items() if corner[place]})

    def of_genome(self, genome: Genome) -> Float[Tensor, " options"]:
        """The one-hot chances of a genome."""
        return torch.tensor([float(genome[gene] == option) for gene, option in self._place])


def emit(
    generator: Generator,
    mixtures: Sequence[Mixture],
    chances: Sequence[Float[Tensor, " options"]],
    heard: Sequence[Float[Tensor, " options"]] | None = None,
) -> Generated:
    """A network for each mixture and its chances.

    Args:
        generator: reads a latent vector.
        mixtures: one a network.
        chances: decide about gates.
        heard: chances that the weights are emitted for; by default the same.
    """
    told = torch.cat([m.latent(c[None]) for m, c in zip(mixtures, heard or chances, strict=True)])
    emitted = generator([m.blueprint for m in mixtures], told.to(generator.device))
    gates = pad_sequence([m.gates(c[None])[0] for m, c in zip(mixtures, chances, strict=True)], batch_first=True)
    return replace(emitted, gates=gates.to(generator.device))


def gumbel(count: int, random: torch.Generator) -> Float[Tensor, " count"]:
    """Standard Gumbel noise: the argmax of logits plus it is a draw from their softmax."""
    return -torch.log(-torch.log(torch.rand(count, generator=random).clamp(1e-6, 1 - 1e-6)))


def _code(gene: str, option: Value, length: int) -> Float[Tensor, " latent"]:
    digest = hashlib.sha256(f"{gene}={option!r}".encode()).digest()
    return standard_normal((length,), int.from_bytes(digest[:7], "big"))
