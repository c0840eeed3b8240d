"""Running many networks at once."""

import torch
from jaxtyping import Float
from torch import Tensor

from generators.generated import Generated
from workbench.execution.batching import batches, kinds
from workbench.execution.device import best_device, wait_for
from workbench.execution.grouped import run_grouped, run_parts
from workbench.execution.memory import peak_bytes, watch_peak
from workbench.execution.processor import give_back, settle
from workbench.execution.ragged import blocks_of, run_ragged
from workbench.execution.runner import GroupRunner, Runner, StackRunner, runner_of
from workbench.execution.side_by_side import Elsewhere, alone, at_once, shared_out, side_by_side
from workbench.execution.slot import Workspace
from workbench.execution.stacked import Stack, run_stacked, stackable

__all__ = [
    "Elsewhere",
    "GroupRunner",
    "Runner",
    "Stack",
    "StackRunner",
    "Workspace",
    "alone",
    "at_once",
    "batches",
    "best_device",
    "blocks_of",
    "give_back",
    "peak_bytes",
    "predict",
    "run",
    "run_grouped",
    "run_parts",
    "run_ragged",
    "run_stacked",
    "runner_of",
    "settle",
    "shared_out",
    "side_by_side",
    "stackable",
    "wait_for",
    "watch_peak",
]


def run(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    """Logits ``[networks, batch, classes]`` by the fastest exact way, in the precision of weights and examples.

    Under autocast, too: the generator may be trained with products of fewer bits, what it emits is what will be used.
    """
    with torch.autocast(x.device.type, enabled=False):
        return _run(generated, x)


def _run(generated: Generated, x: Float[Tensor, "*networks batch inputs"]) -> Tensor:
    if stackable(generated.blueprints):
        return run_stacked(generated, x)
    parts = kinds(generated.blueprints)
    if not parts[0]:
        return run_grouped(generated, x)
    stacked, grouped = (generated.select(part) for part in parts)
    own = [x if x.dim() == 2 else x[torch.tensor(part, device=x.device)] for part in parts]
    back = torch.argsort(torch.tensor(parts[0] + parts[1], device=x.device))
    return torch.cat([run_stacked(stacked, own[0]), run_grouped(grouped, own[1])]).index_select(0, back)


@torch.no_grad()
def predict(
    generated: Generated, x: Float[Tensor, "batch inputs"], networks_at_once: int = 128
) -> Float[Tensor, "networks batch classes"]:
    """Predicted probabilities of many networks, run in batches of like ones; dense ones on a processor in blocks."""
    x = x.to(generated.tokens.device)
    dense = kinds(generated.blueprints)[0] if x.device.type == "cpu" else []
    blocks = blocks_of(generated.blueprints, dense, len(x))
    out = [run_ragged(generated, block, x).mT.softmax(1).mT for block in blocks]
    rest = sorted(set(range(len(generated))) - set(dense))
    parts = [[rest[i] for i in part] for part in batches([generated.blueprints[i] for i in rest], networks_at_once)]
    out += [run(generated.select(part), x).softmax(-1) for part in parts]
    back = torch.argsort(torch.tensor([i for part in blocks + parts for i in part]))
    return torch.cat(out)[back.to(x.device)]
