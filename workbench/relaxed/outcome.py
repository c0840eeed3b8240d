"""What became of relaxed gates: scores before and after they were made discrete, and whether they collapsed."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from generators.generator import Generator
from search_spaces.operations import node_parameters
from search_spaces.relaxation import used
from workbench.relaxed.mixture import Mixture, emit
from workbench.search_summary import Relaxed
from workbench.tasks import Split
from workbench.yardstick import Predictions

# dimension names: options as in workbench.relaxed.mixture

FEW = 0.4
"""Below this share of the usual parameters an architecture counts as nearly free of them: of a cell's six edges one
has a 1x1 convolution, the others have none."""


@torch.no_grad()
def outcome(generator: Generator, mixture: Mixture, chances: Float[Tensor, " options"], split: Split) -> Relaxed:
    """The record of one mixture.

    Args:
        generator: emits the weights.
        mixture: what was relaxed.
        chances: that gates ended at.
        split: examples that scores are shares of; not those that the gates were optimised on.
    """
    corner = mixture.corner(chances)
    gates, heard = [chances, corner, corner], [chances, chances, corner]
    scores = Predictions.of(emit(generator, [mixture] * 3, gates, heard), split).scores
    relaxed, discrete, regenerated = (0.0 if value != value else float(value) for value in scores)  # NaN: broken
    return Relaxed(
        relaxed=relaxed,
        discrete=discrete,
        gap=relaxed - discrete,
        regenerated=regenerated,
        certainty=float(torch.stack([part.max() for part in chances.split(mixture.sizes)]).mean()),
        alarm=collapse(mixture, corner),
    )


def collapse(mixture: Mixture, corner: Float[Tensor, " options"]) -> str | None:
    """What to warn of if an architecture has no or few parameters in the places that were relaxed, else ``None``.

    Gates that are optimised together with, or through, weights are known to end at skips, since these help however
    badly the weights beside them are trained (Zela et al. 2020, arXiv:1909.09656, section 3). "Few" is less than
    ``FEW`` of what uniform chances expect. Where no option has parameters of its own there is nothing to warn of.
    """
    even = mixture.chances(torch.zeros(mixture.options))
    usual, own = (_own_parameters(mixture, chances) for chances in (even, corner))
    if not usual or own >= FEW * usual:
        return None
    genome = mixture.genome(corner)
    genes = ", ".join(f"{choice.name}={genome[choice.name]}" for choice in mixture.relaxation.choices)
    what = f"{own / usual:.0%} of the usual parameters" if own else "parameter-free operations on all paths"
    return f"the gates collapsed: what they chose has {what} in the places that were relaxed ({genes})"


def _own_parameters(mixture: Mixture, chances: Float[Tensor, " options"]) -> float:
    counts = node_parameters(mixture.relaxation.architecture)
    share = used(mixture.relaxation, list(mixture.gates(chances[None])[0]))
    return float(sum(counts[name] * share[name] for name in mixture.relaxation.alternatives))
