"""What a user's own module must not have, since no generator could emit it. Each refusal names the layer."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

from search_spaces.errors import WeightloomError
from search_spaces.module_costs import BATCH
from search_spaces.operations import Shape

INSTEAD = "use GroupNorm, LayerNorm or RMSNorm"


def check_module(module: nn.Module, shape: Shape) -> None:
    """Check a module on the meta device for parameters and state.

    Args:
        module: looked at, and run once in training mode if it has buffers.
        shape: of one example.

    Raises:
        WeightloomError: it has no parameters, some that are not there yet or are no real numbers, buffers that
            training changes, such as running statistics, or TorchScript.
    """
    if next(module.parameters(), None) is None:
        raise WeightloomError(f"expected a module with parameters, got {type(module).__name__} without any")
    for name, parameter in module.named_parameters():
        where = _where(module, name)
        if torch.nn.parameter.is_lazy(parameter):
            raise WeightloomError(f"{where}: expected sizes that are known, got a lazy layer; say its input size")
        if not parameter.is_floating_point():
            raise WeightloomError(f"{where}: expected parameters of real numbers, got {parameter.dtype}")
    for path, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise WeightloomError(f"layer {path!r}: expected Python code, got TorchScript, which cannot be looked into")
        statistics = getattr(part, "track_running_stats", False) or isinstance(part, nn.modules.batchnorm._BatchNorm)
        if isinstance(part, nn.modules.batchnorm._NormBase) and statistics:
            raise WeightloomError(
                f"layer {path!r} ({type(part).__name__}): expected a norm of each example alone, got one over the "
                f"batch, whose running statistics are no weights that a generator could emit; {INSTEAD}"
            )
    _check_buffers(module, shape)


def _check_buffers(module: nn.Module, shape: Shape) -> None:
    """Refuse buffers that a run in training mode writes to or replaces."""
    before = _buffers(module)
    if not before:
        return
    module.train()
    with torch.no_grad(), contextlib.suppress(Exception):  # in training mode it need not run, only stay as it is
        module(torch.empty(BATCH, *shape, device="meta"))
    module.eval()
    after = _buffers(module)
    for name, state in before.items():
        if after.get(name) != state:
            raise WeightloomError(
                f"{_where(module, name)}: expected buffers that training leaves alone, got "
                f"{name.rpartition('.')[2]!r}, which it changes: that is no weight a generator could emit; {INSTEAD} "
                "for statistics of a batch, or make it a parameter"
            )


def _buffers(module: nn.Module) -> dict[str, tuple[int, int]]:
    return {name: (id(buffer), _version(buffer)) for name, buffer in module.named_buffers()}


def _version(buffer: Tensor) -> int:
    return 0 if buffer.is_inference() else buffer._version


def _where(module: nn.Module, name: str) -> str:
    path = name.rpartition(".")[0]
    return f"layer {path!r} ({type(module.get_submodule(path)).__name__})"
