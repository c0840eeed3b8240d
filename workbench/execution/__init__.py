"""Running many networks at once."""

import torch
from jaxtyping import Float
from torch import Tensor

from generators.generated import Generated
from workbench.execution.looped import run_looped
from workbench.execution.side_by_side import side_by_side
from workbench.execution.slot import Workspace
from workbench.execution.stacked import Stack, in_stacks, run_stacked, stackable

__all__ = [
    "Stack",
    "Workspace",
    "in_stacks",
    "predict",
    "run",
    "run_looped",
    "run_stacked",
    "side_by_side",
    "stackable",
]


def run(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]`` by the fastest exact way."""
    return run_stacked(generated, x) if stackable(generated.blueprints) else run_looped(generated, x)


@torch.no_grad()
def predict(
    generated: Generated, x: Float[Tensor, "batch inputs"], networks_at_once: int = 128
) -> Float[Tensor, "networks batch classes"]:
    """Predicted probabilities of many networks, in groups alike to save padding."""
    stacks = in_stacks(generated.blueprints, networks_at_once)
    out = [run(generated.select(index), x.to(generated.tokens.device)).softmax(-1) for index in stacks]
    back = torch.argsort(torch.tensor([i for index in stacks for i in index]))
    return torch.cat(out)[back.to(out[0].device)]
