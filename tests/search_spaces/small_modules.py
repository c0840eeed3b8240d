"""Spaces of small modules, as a user would write them."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from search_spaces import ModuleSpace


def space_of(make: Callable[[], nn.Module], **words: Any) -> type[ModuleSpace]:
    body = {"name": "mine", "ranks": (1,), "make": lambda self: make(), **words}
    return type("Mine", (ModuleSpace,), body)


def made(make: Callable[[], nn.Module], **words: Any) -> ModuleSpace:
    return space_of(make, **words)(inputs=6, outputs=3)


class Chain(nn.Module):
    """Layers in a row, then whatever function is asked for."""

    def __init__(self, *layers: nn.Module, then: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.layers, self.head, self.then = nn.Sequential(*layers), nn.Linear(6, 3), then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(self.head(self.layers(x)))
