"""Muon: matrices move by the orthogonal part of their momentum, everything else by AdamW.

torch has `torch.optim.Muon`, for single matrices in 16 bits; the layers of experts are many matrices side by side,
which are orthogonalised here in one call, in the precision that they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from search_spaces.blueprint import specs_of

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
"""Of Newton and Schulz; singular values then lie between about 0.7 and 1.2."""
RMS = 0.2
"""Root mean square of an update by AdamW, which updates are scaled to so that one learning rate serves both (Liu et al.
2025, arXiv:2502.16982, section 2.2)."""
LEAST = 8
"""Rows and columns of the smallest matrices that are orthogonalised."""


class Muon(torch.optim.AdamW):
    """Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; AdamW for what is no matrix.

    Args:
        matrices: ``[*any, rows, columns]``; leading axes are matrices side by side.
        rest: all other parameters.
        lr: learning rate of both.
        weight_decay: of both.
        betas: of AdamW.
        fused: whether AdamW's own kernel is used for the rest.
        longer: of the matrices that are padded with zeros, the longer sides without, ``[*any, 1, 1]``; a step is as
            long as it would be without padding.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        rest: Iterable[Tensor],
        *,
        lr: float,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        fused: bool = False,
        longer: Mapping[Tensor, Float[Tensor, "*any 1 1"]] | None = None,
    ) -> None:
        groups = [{"params": list(matrices), "orthogonal": True}, {"params": list(rest), "orthogonal": False}]
        super().__init__(groups, lr=lr, betas=betas, weight_decay=weight_decay, fused=fused)
        self._lengths = {matrix: sides.sqrt() for matrix, sides in (longer or {}).items()}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; gradients of matrices are used up."""
        found = None
        if closure is not None:
            with torch.enable_grad():
                found = closure()
        for group in self.param_groups:
            for parameter in group["params"] if group["orthogonal"] else ():
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group["lr"], group["weight_decay"])
                    parameter.grad = None  # so that AdamW leaves it
        super().step()
        return found

    def _move(self, parameter: Tensor, gradient: Tensor, lr: float, weight_decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # which AdamW wants to find with every parameter
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        update = orthogonal(gradient.lerp(momentum, MOMENTUM))
        parameter.mul_(1 - lr * weight_decay)
        alpha = -lr * RMS
        if parameter in self._lengths:
            update.mul_(self._lengths[parameter])
        else:
            alpha *= max(parameter.shape[-2:]) ** 0.5
        parameter.add_(update, alpha=alpha)


def orthogonal(matrices: Float[Tensor, "*any rows columns"]) -> Float[Tensor, "*any rows columns"]:
    """About ``U V'`` of each matrix ``U S V'``."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    shape = x.shape
    x = (x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(1e-7)).reshape(-1, *shape[-2:])
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.view(shape)
    return x.mT if tall else x


def matrices_of(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights of layers that mix their inputs, and all other parameters: biases, norms and embeddings among them."""
    looked_up = {p for part in module.modules() if isinstance(part, nn.Embedding) for p in part.parameters()}
    mixing = {spec.name for spec in specs_of(module, str) if spec.role == "weight" and min(spec.shape[-2:]) >= LEAST}
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        (matrices if name in mixing and parameter not in looked_up else rest).append(parameter)
    return matrices, rest
