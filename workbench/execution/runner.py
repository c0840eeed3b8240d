"""What real training needs of a batch of networks: their weights as leaves, and all logits in one call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from generators.tokens import BatchLayout
from workbench.execution.grouped import groups_of, in_order
from workbench.execution.slot import Workspace
from workbench.execution.stacked import Stack, stackable

# dimension names: networks, tokens, entries, edges as in generators; batch = examples

Leaves = Sequence[Tensor]


class Runner(ABC):
    """Networks whose weights are trained: gradients of one ``run`` are taken before the next.

    Args:
        layout: of the networks, on the device where they are to run.
    """

    def __init__(self, layout: BatchLayout) -> None:
        self.layout = layout

    @abstractmethod
    def split(self, tokens: Float[Tensor, "networks tokens entries"]) -> list[Tensor]:
        """The tokens cut into tensors as ``run`` wants them, without a gradient."""

    @abstractmethod
    def join(self, leaves: Leaves) -> Float[Tensor, "networks tokens entries"]:
        """The inverse of ``split``."""

    @abstractmethod
    def matrices(self, leaves: Leaves) -> list[Tensor]:
        """Those of ``split``'s tensors that are a matrix of weights for each network, ``[networks, rows, columns]``."""

    @abstractmethod
    def masks(self, open_neurons: Float[Tensor, "networks tokens"]) -> Any:
        """Open neurons as ``run`` wants them."""

    @abstractmethod
    def run(
        self,
        leaves: Leaves,
        masks: Any | None,
        gates: Float[Tensor, "networks edges"],
        x: Float[Tensor, "*networks batch inputs"],
    ) -> Float[Tensor, "networks batch classes"]:
        """Logits of all networks.

        Args:
            leaves: as ``split`` makes them. Their gradients are 0 where they hold no parameter.
            masks: from ``masks``; None if all neurons are open.
            gates: of the optional edges.
            x: one batch for all networks or one for each.
        """


@final
class StackRunner(Runner):
    """Dense networks of differing shapes in one ``Stack``; two leaves a slot: lanes and weights."""

    def __init__(self, layout: BatchLayout) -> None:
        super().__init__(layout)
        self.stack = Stack(layout)
        self.memory = Workspace()

    def split(self, tokens: Float[Tensor, "networks tokens entries"]) -> list[Tensor]:
        """Lanes and weights of every slot."""
        return [part for block in self.stack.blocks(self.stack.pack(tokens)) for part in block]

    def join(self, leaves: Leaves) -> Float[Tensor, "networks tokens entries"]:
        """Back to tokens."""
        return self.stack.unpack(self.stack.join(self._blocks(leaves)))

    def matrices(self, leaves: Leaves) -> list[Tensor]:
        """Of every slot, padded to the widest network."""
        return list(leaves[1::2])

    def masks(self, open_neurons: Float[Tensor, "networks tokens"]) -> Tensor:
        """Buffer rows."""
        return self.stack.pack(open_neurons)

    def run(self, leaves: Leaves, masks: Any | None, gates: Tensor, x: Tensor) -> Tensor:
        """One padded batch."""
        return self.stack.run(self._blocks(leaves), masks, gates, x, self.memory)

    def _blocks(self, leaves: Leaves) -> list[tuple[Tensor, Tensor]]:
        return list(zip(leaves[::2], leaves[1::2], strict=True))


@final
class GroupRunner(Runner):
    """Networks of any operations, those of one architecture together; a leaf for each of its parameters."""

    def __init__(self, layout: BatchLayout) -> None:
        super().__init__(layout)
        self.groups = groups_of(layout)

    def split(self, tokens: Float[Tensor, "networks tokens entries"]) -> list[Tensor]:
        """Named tensors of every group."""
        return [part for group in self.groups for part in group.weights(tokens).values()]

    def join(self, leaves: Leaves) -> Float[Tensor, "networks tokens entries"]:
        """Back to tokens."""
        tokens = leaves[0].new_zeros(self.layout.used.shape)
        for group, weights in zip(self.groups, self._named(leaves), strict=True):
            group.write(weights, tokens)
        return tokens

    def matrices(self, leaves: Leaves) -> list[Tensor]:
        """Of dense layers and the like; kernels of convolutions have more axes."""
        return [leaf for leaf in leaves if leaf.dim() == 3]

    def masks(self, open_neurons: Float[Tensor, "networks tokens"]) -> Tensor:
        """As they are."""
        return open_neurons

    def run(self, leaves: Leaves, masks: Any | None, gates: Tensor, x: Tensor) -> Tensor:
        """One call a group."""
        named = self._named(leaves)
        logits = [g.run(w, masks, gates, x) for g, w in zip(self.groups, named, strict=True)]
        return in_order(self.groups, logits)

    def _named(self, leaves: Leaves) -> list[dict[str, Tensor]]:
        rest = iter(leaves)
        return [{name: next(rest) for name in group.layout.positions} for group in self.groups]


def runner_of(layout: BatchLayout) -> Runner:
    """The fastest exact one."""
    return StackRunner(layout) if stackable(layout.blueprints) else GroupRunner(layout)
