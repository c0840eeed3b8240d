"""A second device that needs no GPU: what would fail on one fails here, on any machine.

Tensors there lie in the processor's memory, are moved by ``to`` or made by a ``device=``, and refuse what those of a
GPU refuse: operations together with tensors of the processor, and ``numpy``. As on a GPU, single numbers and indices
may come from the processor, and a copy may go from one to the other. Only what Python calls is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

DEVICE = torch.device("cuda")
MIXED = frozenset(("copy_", "__setitem__", "__getitem__", "index_put_", "_has_compatible_shallow_copy_type"))
"""Which may take tensors of both devices."""


class Elsewhere(Tensor):
    """A tensor on the other device."""


@contextmanager
def another_device() -> Iterator[torch.device]:
    """Within it there is a device that goes by the name of a GPU.

    Tensors that were made in it are of no use outside. Modules keep the class of their parameters when they are moved,
    so that a module that is moved there has new ones.
    """
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with _Devices():
            yield DEVICE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


class _Devices(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if func == Tensor.device.__get__:
            return DEVICE if isinstance(args[0], Elsewhere) else func(*args, **kwargs)
        if name in ("to", "cpu", "cuda"):
            return _moved(name, *args, **kwargs)
        if name == "numpy" and isinstance(args[0], Elsewhere):
            raise TypeError("numpy: expected a tensor of the processor, got one of another device; call cpu() first")
        kinds = {isinstance(x, Elsewhere) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.dim()}
        if len(kinds) > 1 and name not in MIXED:
            raise RuntimeError(
                f"{resolve_name(func) or name}: expected tensors of one device, got some of the processor beside them; "
                "make them with device=latent.device or by latent.new_zeros, or move them with to"
            )
        wanted = kwargs.get("device")
        if wanted is None:
            return func(*args, **kwargs)
        there = torch.device(wanted).type == DEVICE.type
        return _as(func(*args, **{**kwargs, "device": "cpu" if there else wanted}), there)


def _moved(name: str, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    wanted, dtype = DEVICE if isinstance(tensor, Elsewhere) else tensor.device, tensor.dtype
    if name != "to":
        wanted = torch.device(name)
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            wanted, dtype = DEVICE if isinstance(value, Elsewhere) else value.device, value.dtype
        elif isinstance(value, str | torch.device):
            wanted = torch.device(value)
        elif isinstance(value, torch.dtype):
            dtype = value
    there = wanted.type == DEVICE.type
    return _as(_as(tensor, False).to("cpu" if there else wanted, dtype), there)


def _as(tensor: Tensor, there: bool) -> Tensor:
    return tensor if isinstance(tensor, Elsewhere) == there else tensor.as_subclass(Elsewhere if there else Tensor)
