"""What a generator emits: weights and connectivity of several networks of differing shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.tokens import BatchLayout, WeightTokenizer
from search_spaces import Blueprint, WeightloomError
from search_spaces.building import network_of
from search_spaces.network import Network

# dimension names: networks, tokens, entries as in generators.tokens; edges = optional edges


@dataclass(frozen=True, kw_only=True, eq=False)
class Generated:
    """Weights and connectivity of a batch of networks.

    Attributes:
        tokenizer: what the tokens mean.
        layout: the networks' blueprints and where their parameters lie.
        tokens: parameter values; 0 in entries that hold none, and in weights of a sparse network that were cut.
        open_neurons: 1 = the token's neuron is there, 0 = it is closed; 1 for every neuron that may not be
            closed, 0 for padding. Gradients may flow through (straight-through).
        gates: 1 = the optional edge is open, 0 = closed; 0 for padding.
    """

    tokenizer: WeightTokenizer
    layout: BatchLayout
    tokens: Float[Tensor, "networks tokens entries"]
    open_neurons: Float[Tensor, "networks tokens"]
    gates: Float[Tensor, "networks edges"]

    def __post_init__(self) -> None:
        expected = (*self.layout.node.shape, self.tokenizer.entries)
        if tuple(self.tokens.shape) != expected or tuple(self.open_neurons.shape) != expected[:2]:
            raise WeightloomError(
                f"generated: expected tokens {expected}, got {tuple(self.tokens.shape)} "
                f"with masks {tuple(self.open_neurons.shape)}"
            )
        if self.gates.shape != self.layout.edge_real.shape:
            raise WeightloomError(
                f"generated: expected gates {tuple(self.layout.edge_real.shape)}, got {tuple(self.gates.shape)}"
            )

    @property
    def blueprints(self) -> tuple[Blueprint, ...]:
        """One per network."""
        return self.layout.blueprints

    @property
    def all_open(self) -> bool:
        """Whether every neuron is, and no gradient is wanted of that: masks may then be left out."""
        is_open = self.open_neurons
        return not is_open.requires_grad and torch.equal(is_open, self.layout.real.to(is_open.dtype))

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def dense(
        cls, tokenizer: WeightTokenizer, layout: BatchLayout, tokens: Float[Tensor, "networks tokens entries"]
    ) -> Generated:
        """The same weights with every neuron and every wire open."""
        layout = layout.to(tokens.device)
        return cls(
            tokenizer=tokenizer,
            layout=layout,
            tokens=tokens * layout.used,
            open_neurons=layout.real.to(tokens.dtype),
            gates=layout.edge_real.to(tokens.dtype),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Generated]) -> Generated:
        """Several batches as one; they must have been cut by equal tokenizers."""
        if len({part.tokenizer for part in parts}) != 1:
            raise WeightloomError(
                "generated: expected one or more batches with one token width, got widths "
                f"{[part.tokenizer.width for part in parts]}"
            )
        tokenizer = parts[0].tokenizer
        layout = tokenizer.batch([b for part in parts for b in part.blueprints]).to(parts[0].tokens.device)
        count, longest = layout.node.shape
        tokens = parts[0].tokens.new_zeros(count, longest, tokenizer.entries)
        neurons = tokens.new_zeros(count, longest)
        gates = tokens.new_zeros(count, layout.edge_real.shape[1])
        start = 0
        for part in parts:
            rows = slice(start, start + len(part))
            tokens[rows, : part.tokens.shape[1]] = part.tokens
            neurons[rows, : part.tokens.shape[1]] = part.open_neurons
            gates[rows, : part.gates.shape[1]] = part.gates
            start += len(part)
        return cls(tokenizer=tokenizer, layout=layout, tokens=tokens, open_neurons=neurons, gates=gates)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.tokens.device

    def to(self, device: torch.device | str) -> Generated:
        """The same on another device."""
        return replace(
            self,
            layout=self.layout.to(device),
            tokens=self.tokens.to(device),
            open_neurons=self.open_neurons.to(device),
            gates=self.gates.to(device),
        )

    def select(self, indices: Sequence[int]) -> Generated:
        """Some of the networks, in the order asked for."""
        return gathered(
            self.tokenizer,
            [self.blueprints[i] for i in indices],
            list(indices),
            tokens=self.tokens,
            open_neurons=self.open_neurons,
            gates=self.gates,
            device=self.device,
        )

    def rows(
        self, indices: Sequence[int]
    ) -> tuple[
        Float[Tensor, "networks tokens entries"], Float[Tensor, "networks tokens"], Float[Tensor, "networks edges"]
    ]:
        """Tokens, open neurons and gates of some of the networks, without a layout."""
        index = torch.as_tensor(list(indices), device=self.device)
        return self.tokens[index], self.open_neurons[index], self.gates[index]

    def detach(self) -> Generated:
        """Without gradients."""
        return replace(
            self,
            tokens=self.tokens.detach(),
            open_neurons=self.open_neurons.detach(),
            gates=self.gates.detach(),
        )

    def state_dict(self, index: int) -> dict[str, Tensor]:
        """Named tensors of one network (connectivity apart)."""
        return self.tokenizer.detokenize(self.tokens[index], self.blueprints[index])

    def neurons(self, index: int) -> dict[str, Tensor]:
        """Per node of one network a boolean tensor: which of its maskable neurons are open."""
        layout, nodes = self.layout.layouts[index], self.blueprints[index].architecture.nodes
        chosen = layout.maskable & (layout.chunk == 0)
        values = self.open_neurons[index, : len(layout)].detach().cpu() > 0.5
        return {nodes[i].name: values[chosen & (layout.node == i)] for i in layout.node[chosen].unique().tolist()}

    def wires(self, index: int) -> dict[tuple[str, str], bool]:
        """Per optional edge (source, target) of one network whether it is open."""
        edges = self.blueprints[index].optional_edges
        return {(e.source, e.target): bool(self.gates[index, i] > 0.5) for i, e in enumerate(edges)}

    def closed_wires(self, index: int) -> frozenset[tuple[str, str]]:
        """The optional edges (source, target) of one network that bring nothing."""
        return frozenset(wire for wire, is_open in self.wires(index).items() if not is_open)

    def with_states(self, states: Sequence[Mapping[str, Tensor]]) -> Generated:
        """The same connectivity with other named tensors, those of one network after those of another."""
        tokens = self.tokens.clone()
        for i, (state, blueprint) in enumerate(zip(states, self.blueprints, strict=True)):
            made = self.tokenizer.tokenize(state, blueprint)
            tokens[i, : len(made)] = made
        return replace(self, tokens=tokens)

    def network(self, index: int) -> Network:
        """One network as a plain module with its closed neurons and wires, on the same device."""
        module = network_of(self.blueprints[index].architecture).load(self.state_dict(index))
        return module.connect(self.neurons(index), self.wires(index)).eval().to(self.device)


def gathered(
    tokenizer: WeightTokenizer,
    blueprints: Sequence[Blueprint],
    places: Sequence[int] | Int[Tensor, " networks"],
    *,
    tokens: Float[Tensor, "stored tokens entries"],
    open_neurons: Float[Tensor, "stored tokens"],
    gates: Float[Tensor, "stored edges"],
    device: torch.device,
) -> Generated:
    """Networks out of tensors that hold more of them, with padding that may be longer: cut and laid out.

    Args:
        tokenizer: of the tokens.
        blueprints: one per network.
        places: of each in the tensors.
        tokens: as those of ``Generated``.
        open_neurons: likewise.
        gates: likewise.
        device: where the networks are put.
    """
    layout = tokenizer.batch(blueprints).to(device)
    longest, edges = layout.node.shape[1], layout.edge_real.shape[1]
    index = torch.as_tensor(places, device=tokens.device)
    return Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=tokens[index, :longest].to(device),
        open_neurons=open_neurons[index, :longest].to(device),
        gates=gates[index, :edges].to(device),
    )
