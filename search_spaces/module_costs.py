"""What a user's module does below its layers: floating-point operations are counted, randomness is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from search_spaces.errors import WeightloomError

BATCH = 3
"""Examples in the one batch that a module is looked at with."""


class Costs(TorchDispatchMode):
    """Counts as ``torch.utils.flop_counter`` does, for one example.

    Args:
        place: the node whose work is done now.
        where: the layer, for messages.

    Attributes:
        flops: so far, by place.
    """

    def __init__(self, place: Callable[[], str], where: Callable[[], str]) -> None:
        super().__init__()
        self.place, self.where = place, where
        self.flops: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation; raises ``WeightloomError`` for a random one."""
        name = func._schema.name.removeprefix("aten::")
        # fused attention is marked as random also without dropout; with it, it drops by an operation of its own here
        if torch.Tag.nondeterministic_seeded in func.tags and not name.startswith("_scaled_dot_product"):
            raise WeightloomError(
                f"{self.where()}: expected a network that gives the same each time in evaluation mode, got randomness "
                f"({name}); use nn.Dropout, which is off then, or pass training=self.training"
            )
        made = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            counted = flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=made)
            self.flops[self.place()] += counted // BATCH
        return made


def tensors_in(values: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = list(values.values())
    return [t for value in values for t in tensors_in(value)] if isinstance(values, tuple | list) else []
