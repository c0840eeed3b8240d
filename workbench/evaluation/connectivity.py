"""What of the emitted connectivity is closed, and how much that differs between latents."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES
from workbench import metrics
from workbench.metrics import Interval

# dimension names: networks = architectures x latents (architecture-major), tokens, weights as in generators.tokens


def connectivity(networks: Generated, latents: int) -> dict[str, Interval]:
    """``neurons_removed``; with optional edges ``edges_closed`` and ``edge_entropy``; ``mask_iou`` of what was cut.

    Args:
        networks: the same number for each architecture, one architecture after another.
        latents: that number; the last two figures compare them, and need at least two.
    """
    layout = networks.layout
    closable = (layout.maskable & (layout.chunk == 0)).cpu().numpy()
    is_open = (networks.open_neurons > 0.5).cpu().numpy()
    removed = 1.0 - (is_open & closable).sum(1) / np.maximum(closable.sum(1), 1)
    found = {"neurons_removed": metrics.bootstrap(np.where(closable.sum(1) > 0, removed, 0.0))}
    edges = layout.edge_real.cpu().numpy()
    gates = (networks.gates > 0.5).cpu().numpy() & edges
    has = np.asarray(edges.any(1))
    if has.any():
        found["edges_closed"] = metrics.bootstrap(1.0 - gates.sum(1)[has] / edges.sum(1)[has])
    if latents < 2:
        return found
    if has.any():
        first = range(0, len(networks), latents)
        bits = [metrics.edge_entropy(gates[i : i + latents, edges[i]]) for i in first if has[i]]
        found["edge_entropy"] = metrics.bootstrap(np.array(bits))
    used = layout.used[..., LANES:].cpu().numpy()
    kept = kept_weights(networks)
    if (used & ~kept.cpu().numpy()).any():
        found["mask_iou"] = metrics.bootstrap(overlaps(kept, latents))
    return found


def kept_weights(networks: Generated) -> Bool[Tensor, "networks tokens weights"]:
    """Weights that are not zero, of open neurons."""
    return (networks.tokens[..., LANES:] != 0) & (networks.open_neurons > 0.5)[..., None]


def overlaps(kept: Bool[Tensor, "networks tokens weights"], latents: int) -> Float[np.ndarray, " architectures"]:
    """``metrics.mask_iou`` of the networks of each architecture."""
    grouped = kept.reshape(-1, latents, kept[0].numel()).cpu().numpy()
    return np.array([metrics.mask_iou(own) for own in grouped])
