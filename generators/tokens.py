"""Tokens: the one, lossless way between named tensors and rows that a generator can emit.

A token is one output neuron's (or filter's) row of a node: its bias, scale and shift on three fixed lanes,
then its incoming weights, in further tokens where there are more of them than a token is wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from generators.layouts import BatchLayout, TokenLayout, batch_of, layout_of
from generators.token_groups import LANE_OF_ROLE, LANES, token_groups
from search_spaces import Blueprint, WeightloomError

# dimension names: networks, tokens = tokens of one network (padded to the longest in a batch),
# entries = LANES + width numbers of one token

__all__ = ["LANES", "LANE_OF_ROLE", "BatchLayout", "TokenLayout", "WeightTokenizer"]


@dataclass(frozen=True)
class WeightTokenizer:
    """Cuts networks into tokens and puts them together again, bit for bit.

    Attributes:
        width: number of weights in one token; a token has ``LANES + width`` entries.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 1:
            raise WeightloomError(f"tokenizer: width must be at least 1, got {self.width}")

    @property
    def entries(self) -> int:
        """Numbers in one token."""
        return LANES + self.width

    def layout(self, blueprint: Blueprint) -> TokenLayout:
        """Where everything lies (cached)."""
        return layout_of(blueprint, self.width)

    def batch(self, blueprints: Sequence[Blueprint]) -> BatchLayout:
        """The layouts of several networks, padded to the longest."""
        if not blueprints:
            raise WeightloomError("tokenizer: expected at least one blueprint, got none")
        return batch_of(tuple(self.layout(blueprint) for blueprint in blueprints))

    def tokenize(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> Float[Tensor, "tokens entries"]:
        """Tokens of one network; entries that hold no parameter are 0.

        Raises:
            WeightloomError: a tensor is missing, unknown, of another shape or of another type than the first.
        """
        self.check(state, blueprint)
        layout = self.layout(blueprint)
        first = state[blueprint.parameters[0].name]
        tokens = first.new_zeros(len(layout) * self.entries)
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            tokens[layout.positions[spec.name].reshape(-1).to(first.device)] = tensor.detach().reshape(-1)
        return tokens.reshape(len(layout), self.entries)

    def check(self, state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
        """Check that tensors are those of the blueprint and fit into tokens, without laying any out; as `tokenize`."""
        _check_names(state, blueprint)
        first = state[blueprint.parameters[0].name]
        for spec in blueprint.parameters:
            tensor = state[spec.name]
            if tuple(tensor.shape) != spec.shape:
                raise WeightloomError(f"tokenizer: {spec.name} must have shape {spec.shape}, got {tuple(tensor.shape)}")
            if tensor.dtype != first.dtype:
                raise WeightloomError(
                    f"tokenizer: {spec.name} must be {first.dtype} as the first tensor is, got {tensor.dtype}; "
                    "convert the module to one type"
                )

    def size(self, blueprint: Blueprint) -> int:
        """Tokens of a network, counted without laying any out."""
        return sum(group.rows * group.chunks for group in token_groups(blueprint, self.width))

    def detokenize(
        self, tokens: Float[Tensor, "tokens entries"], blueprint: Blueprint
    ) -> dict[str, Float[Tensor, ...]]:
        """The named tensors of one network; ``tokens`` may be padded at its end."""
        layout = self.layout(blueprint)
        if tokens.shape[0] < len(layout) or tokens.shape[1] != self.entries:
            raise WeightloomError(
                f"tokenizer: expected at least {len(layout)} tokens of {self.entries} entries, "
                f"got {tuple(tokens.shape)}"
            )
        flat = tokens.reshape(-1)
        return {name: flat[index.to(flat.device)] for name, index in layout.positions.items()}


def _check_names(state: Mapping[str, Tensor], blueprint: Blueprint) -> None:
    expected = {spec.name for spec in blueprint.parameters}
    if expected != set(state):
        raise WeightloomError(
            f"tokenizer: missing tensors {sorted(expected - set(state))}, "
            f"unknown tensors {sorted(set(state) - expected)}"
        )
