"""Networks one after another, closed for good by ``connect``: the reference for all faster ways; and one of these."""

import torch
from torch import Tensor
from torch.func import functional_call

from generators.generated import Generated
from search_spaces.building import network_of
from workbench.execution import blocks_of, run_ragged


def run_looped(generated: Generated, x: Tensor) -> Tensor:
    logits = []
    for i, blueprint in enumerate(generated.blueprints):
        module = network_of(blueprint.architecture).eval().to(x.dtype)
        module.connect(generated.neurons(i), generated.wires(i))
        logits.append(functional_call(module, generated.state_dict(i), (x if x.dim() == 2 else x[i],)))
    return torch.stack(logits)


def run_by_blocks(generated: Generated, x: Tensor) -> Tensor:
    """All blocks of ``run_ragged``, in the order of the networks."""
    out = [x.new_empty(0)] * len(generated)
    with torch.no_grad():
        for block in blocks_of(generated.blueprints, range(len(generated)), len(x)):
            for i, logits in zip(block, run_ragged(generated, block, x), strict=True):
                out[i] = logits
    return torch.stack(out)
