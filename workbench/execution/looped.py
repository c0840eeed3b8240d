"""Networks one after another, for what cannot be stacked; the reference for the stacked path."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from generators.generated import Generated
from search_spaces.network import GraphNetwork


def run_looped(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]``, differentiable in the weights but not in the connectivity.

    Args:
        generated: the networks.
        x: one batch for all networks or one for each.
    """
    logits = []
    for i, blueprint in enumerate(generated.blueprints):
        module = GraphNetwork(blueprint.architecture).to(x.device)
        module.connect(generated.neurons(i), generated.wires(i))
        logits.append(functional_call(module, generated.state_dict(i), (x if x.dim() == 2 else x[i],)))
    return torch.stack(logits)
