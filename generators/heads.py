"""From vectors per token and per edge to weights and connectivity, in natural units."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from generators.connectivity import keep_first, open_edges, sparse_weights
from generators.generated import Generated
from generators.generator import Condition
from generators.tokens import BatchLayout, WeightTokenizer

# dimension names: networks, tokens, entries, edges as in generators.tokens

CONDITION_FEATURES = 32
"""Numbers that a family reads of a condition, see ``wishes``."""
GATE_BIAS = 2.0
"""Added to emitted gate scores, so that an untrained generator leaves wires open."""


def to_generated(
    tokenizer: WeightTokenizer,
    layout: BatchLayout,
    values: Float[Tensor, "networks tokens entries"],
    edge_scores: Float[Tensor, "networks edges"],
    condition: Condition,
) -> Generated:
    """Networks from values in natural units and raw scores of wires; of neurons the first stay, see ``keep_first``."""
    neurons = keep_first(layout, condition.density)
    return put_together(tokenizer, layout, values, neurons, open_edges(layout, edge_scores + GATE_BIAS), condition)


def put_together(
    tokenizer: WeightTokenizer,
    layout: BatchLayout,
    values: Float[Tensor, "networks tokens entries"],
    neurons: Float[Tensor, "networks tokens"],
    gates: Float[Tensor, "networks edges"],
    condition: Condition,
) -> Generated:
    """Networks from values in natural units (1 = the usual size of such a weight), masks and gates."""
    tokens = torch.addcmul(layout.centre, layout.unit, values)
    return Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=sparse_weights(layout, tokens, neurons, condition.weights),
        open_neurons=neurons,
        gates=gates,
    )


def to_values(
    generated: Generated,
) -> tuple[
    Float[Tensor, "networks tokens entries"],
    Float[Tensor, "networks edges"],
]:
    """The inverse: values in natural units, and scores of −1 or +1 around which gates were decided."""
    layout = generated.layout
    values = (generated.tokens - layout.centre) / layout.scale * layout.used
    edges = (2.0 * generated.gates - 1.0) * layout.edge_real - GATE_BIAS * layout.edge_real
    return values, edges


def sinusoid(t: Float[Tensor, " networks"], d: int) -> Float[Tensor, "networks d"]:
    """Features of a number in 0..1 (Vaswani et al. 2017, section 3.5, frequencies 1 to 1,000)."""
    half = d // 2
    frequency = torch.logspace(0.0, 3.0, half, device=t.device)
    angle = t[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos(), t.new_zeros(len(t), d - 2 * half)], dim=-1)


def wishes(condition: Condition) -> Float[Tensor, "networks features"]:
    """``CONDITION_FEATURES`` numbers for what is wanted of each network: half for neurons, half for weights."""
    half = CONDITION_FEATURES // 2
    return torch.cat([sinusoid(condition.density, half), sinusoid(condition.weights, half)], dim=-1)


def unit_head(inputs: int, outputs: int) -> nn.Sequential:
    """A norm and a linear layer whose outputs start with unit variance."""
    linear = nn.Linear(inputs, outputs)
    nn.init.normal_(linear.weight, std=inputs**-0.5)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.LayerNorm(inputs), linear)
