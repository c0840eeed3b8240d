"""A generator's layers under ``torch.compile`` for as long as it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from generators.encoder import BlueprintEncoder


@contextmanager
def compiled(
    generator: nn.Module, wanted: bool = True, backend: str | Callable[..., object] = "inductor"
) -> Iterator[None]:
    """Compile its layers, for any number of networks and tokens, and take that back in the end.

    Layers and not the whole, because layouts of the batch, which differ from step to step, are no tensors. Afterwards
    it computes as one that was never compiled, so that what it emits is what `weightloom verify` emits again.

    Args:
        generator: changed in place.
        wanted: whether anything happens.
        backend: as ``torch.compile`` takes it.
    """
    if not wanted:
        yield
        return
    layers = list(layers_of(generator))
    limit = 8 * len(layers)  # all share a few pieces of torch's code, each of which it compiles eight times by default
    try:
        for layer in layers:
            layer.compile(dynamic=True, backend=backend)
        with torch._dynamo.config.patch(recompile_limit=limit, accumulated_recompile_limit=limit):
            yield
    finally:
        for layer in layers:
            layer._compiled_call_impl = None  # the way back that torch's own pickling takes, too
        torch.compiler.reset()


def layers_of(module: nn.Module) -> Iterator[nn.Module]:
    """Its children that take tensors: instead of lists, and of the encoder, which takes a layout, theirs."""
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict | BlueprintEncoder):
            yield from layers_of(child)
        else:
            yield child
