"""What a genome takes out of a user's own module: whole layers, and output neurons or channels of layers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from search_spaces.errors import WeightloomError

NARROWABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Skipped(nn.Module):
    """In a layer's place: what it was given first."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The input."""
        return x


class _Padding:
    """A hook behind a layer with fewer outputs: zeros for those that are gone."""

    def __init__(self, missing: int, axes: int) -> None:
        self.around = (*(0, 0) * axes, 0, missing)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        return functional.pad(output, self.around)


def skip(module: nn.Module, path: str) -> None:
    """Take the submodule at ``path`` out for good."""
    module.set_submodule(path, Skipped())


def narrow(module: nn.Module, path: str, outputs: int) -> None:
    """Keep the first ``outputs`` output neurons or channels of a layer; the others put out zero.

    Their parameters are really gone. What reads the layer stays as it is: it reads zeros there.

    Raises:
        WeightloomError: no linear layer or convolution, one with groups or shared parameters, or fewer outputs.
    """
    layer = module.get_submodule(path)
    where = f"narrowable: layer {path!r} ({type(layer).__name__})"
    if not isinstance(layer, NARROWABLE) or any(layer.children()):
        raise WeightloomError(f"{where}: expected one of {', '.join(kind.__name__ for kind in NARROWABLE)}")
    if isinstance(layer, nn.modules.conv._ConvNd) and layer.groups > 1:
        raise WeightloomError(f"{where}: expected a convolution with one group, got {layer.groups}")
    if not 1 <= outputs <= len(layer.weight):
        raise WeightloomError(f"{where}: expected from 1 to {len(layer.weight)} outputs, got {outputs}")
    own = {id(parameter) for parameter in layer.parameters()}
    holders = [part for part in module.modules() if any(id(p) in own for p in part.parameters(recurse=False))]
    if len(holders) > 1:
        raise WeightloomError(f"{where}: expected parameters of its own, got some that another layer shares")
    missing = len(layer.weight) - outputs
    if not missing:
        return
    for name, parameter in list(layer.named_parameters(recurse=False)):
        setattr(layer, name, nn.Parameter(parameter.detach()[:outputs].clone(), requires_grad=parameter.requires_grad))
    axes = 0
    if isinstance(layer, nn.Linear):
        layer.out_features = outputs
    else:
        layer.out_channels, axes = outputs, layer.weight.dim() - 2
    layer.register_forward_hook(_Padding(missing, axes))
