"""A user's own module as a network: flat examples in, and gates that put a layer's input in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from search_spaces.architecture import Architecture
from search_spaces.blueprint import free_word
from search_spaces.network import Network
from search_spaces.operations import Shape
from search_spaces.tracing import MAY_SKIP

# dimension names: batch = examples, inputs = values of one example, classes; edges = optional edges


@final
class ModuleNetwork(Network):
    """Runs a user's module; its parameters are called ``module.`` and as in the module.

    Args:
        architecture: traced from it.
        module: as traced.
        shape: of one example.
    """

    def __init__(self, architecture: Architecture, module: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.architecture = architecture
        self.closed = frozenset()
        self.module = module
        self._example = tuple(shape)
        self._root = free_word("module", dict(module.named_modules()))
        self._bypasses: dict[tuple[str, str], _Bypass] = {}
        for edge in architecture.optional_edges:
            bypass = self._bypasses[edge.source, edge.target] = _Bypass()
            module.get_submodule(edge.target.removesuffix(MAY_SKIP)).register_forward_hook(bypass)

    def node_of(self, path: str) -> str:
        """The path within the user's module."""
        return path.partition(".")[2] or self._root

    def forward(
        self,
        x: Float[Tensor, "batch inputs"],
        open_neurons: Mapping[str, Float[Tensor, " width"]] | None = None,
        gates: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """See `Network.forward`; a closed wire means the layer's input in its place."""
        for i, (wire, bypass) in enumerate(self._bypasses.items()):
            bypass.gate = gates[i] if gates is not None else 0.0 if wire in self.closed else 1.0
        try:
            with _plain_attention():
                return self.module(x if len(self._example) == 1 else x.unflatten(-1, self._example))
        finally:
            for bypass in self._bypasses.values():
                bypass.gate = 1.0


class _Bypass:
    """A hook behind a layer: its output where the gate is 1, its input where it is 0."""

    def __init__(self) -> None:
        self.gate: Tensor | float = 1.0

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        if isinstance(self.gate, Tensor):
            return self.gate * output + (1 - self.gate) * args[0]
        return output if self.gate else args[0]


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Without torch's fused attention and transformer layers: they round otherwise, and do not run under vmap."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
