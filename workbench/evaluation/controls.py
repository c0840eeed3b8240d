"""Controls and costs: shuffled blueprints, weight-space novelty, stability, latency."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from generators.adaptation import adapt
from generators.collection import PART, Collection
from generators.generated import Generated
from generators.generator import Generator
from generators.heads import to_values
from workbench import metrics
from workbench.evaluation.diversity import alone
from workbench.execution import peak_bytes, wait_for, watch_peak
from workbench.metrics import Interval
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo import Zoo

KEPT = 2**28
"""Bytes of adapted training networks that are kept from one row of a table to the next; what is beyond is adapted
again for each, which for a zoo of 10,000 takes longer than all else but needs no more memory."""


def shuffled_scores(generator: Generator, yardstick: Yardstick, seed: int) -> np.ndarray:
    """Scores ``[architectures]`` with weights that were generated for another architecture.

    The weights are cut or padded to the architecture by role and coordinate. Where this is as good as the
    right blueprint, the generator ignores the architecture.
    """
    blueprints = yardstick.blueprints
    count = len(blueprints)
    wrong = [blueprints[(i + count // 2) % count] for i in range(count)]
    generated = generator.generate(wrong, [seed + i for i in range(count)])
    parts: list[Generated] = []
    for i, target in enumerate(blueprints):
        adapted = adapt(generated.select([i]), target)
        layout = generator.tokenizer.batch([target]).to(generated.tokens.device)
        tokens = (layout.centre + layout.scale * adapted.values) * layout.used
        parts.append(Generated.dense(generator.tokenizer, layout, tokens))
    return Predictions.of(Generated.concatenate(parts), yardstick.split).scores


def weight_novelty(generated: Generated, yardstick: Yardstick, zoo: Zoo, latents: int) -> dict[str, Interval]:
    """``nearest_l2`` and ``rho`` in weight space, modulo neuron permutation.

    For one network of each architecture and one real network of it: the training networks are adapted to the
    architecture, the three nearest by plain L2 in natural units are matched neuron by neuron. Networks with
    other nodes than dense ones are compared without matching, which is an upper bound of the distance.
    """
    seen = _seen(yardstick, zoo)
    ours = np.array([seen.nearest(generated, i * latents, i) for i in range(len(yardstick.blueprints))])
    found = {"nearest_l2": metrics.bootstrap(ours)}
    if seen.theirs.mean() > 0:
        found["rho"] = metrics.bootstrap(ours / float(seen.theirs.mean()))
    return found


class _Seen:
    """The training networks as each held-out architecture sees them: adapted to it.

    Attributes:
        theirs: how far a real network of each architecture is from the nearest.
    """

    def __init__(self, yardstick: Yardstick, training: Collection) -> None:
        self._blueprints, self._training = yardstick.blueprints, training
        self._kept: dict[int, list[Tensor]] = {}
        self._room = KEPT
        nearest = [self.nearest(yardstick.networks, i * yardstick.seeds, i) for i in range(len(self._blueprints))]
        self.theirs = np.array(nearest)

    def nearest(self, networks: Generated, index: int, place: int) -> float:
        """L2 distance modulo permutation to the nearest of the three training networks that are nearest without.

        Args:
            networks: among which is one of the architecture.
            index: its place among them.
            place: of the architecture among those held out.
        """
        networks = networks.select([index]).to(self._training.device)
        own = to_values(networks)[0]
        plain = torch.cat([(part - own).square().sum((1, 2)) for part in self._adapted(place)])
        blueprint = networks.blueprints[0]
        if any(node.operation != "dense" for node in blueprint.architecture.nodes[1:]):
            return float(plain.min().sqrt())
        near = adapt(self._training, blueprint, plain.topk(3, largest=False).indices.tolist()).values
        layers = layers_of(own[0], networks, 0)
        return min(metrics.matched_l2(layers, layers_of(values, networks, 0)) for values in near)

    def _adapted(self, place: int) -> Iterator[Tensor]:
        """Part by part, ``[networks, tokens, entries]``; kept where there is room."""
        if place in self._kept:
            yield from self._kept[place]
            return
        blueprint = self._blueprints[place]
        one = 4 * self._training.tokenizer.size(blueprint) * self._training.tokenizer.entries
        each, count = max(1, PART // one), len(self._training)
        keep = one * count <= self._room
        found = []
        for start in range(0, count, each):
            part = adapt(self._training, blueprint, range(start, min(start + each, count))).values
            if keep:
                found.append(part)
            yield part
        if keep:
            self._kept[place], self._room = found, self._room - one * count


@lru_cache(maxsize=1)
def _seen(yardstick: Yardstick, zoo: Zoo) -> _Seen:
    """Kept for the last yardstick, because every row of a table is held against the same."""
    return _Seen(yardstick, zoo.training)


def layers_of(values: Tensor, networks: Generated, index: int) -> list[np.ndarray]:
    """Each node's weights with the bias as last column, in natural units."""
    blueprint = networks.blueprints[index]
    state = networks.tokenizer.detokenize(values.cpu(), blueprint)
    nodes = dict.fromkeys(spec.node for spec in blueprint.parameters)
    layers = []
    for node in nodes:
        own = {spec.role: state[spec.name] for spec in blueprint.parameters if spec.node == node}
        layers.append(torch.cat([own["weight"], own["bias"][:, None]], dim=1).numpy().astype(np.float64))
    return layers


STEP = 0.05
"""Length of a move of the latent, over the latent's own."""


def latent_lipschitz(generator: Generator, yardstick: Yardstick, seed: int) -> dict[str, Interval]:
    """How far predictions move when the latent moves a little, over how far the latent moves; per architecture.

    The move is in the Hellinger distance (0..1), mean over examples, the latent's is relative to its length; the
    step goes ``STEP`` of the way to an independent latent. 0 = the latent is ignored; what jumps has no bound. Nothing
    for latents that are no real numbers, or that no seed moves.
    """
    blueprints = yardstick.blueprints
    seeds = [seed + i for i in range(len(blueprints))]
    here = generator.draw_latent(blueprints, seeds)
    other = generator.draw_latent(blueprints, [s + 1_000_000 for s in seeds])
    if not here.is_floating_point():
        return {}
    moved = here + STEP * (other - here)
    length = (moved - here).flatten(1).norm(dim=1) / here.flatten(1).norm(dim=1)
    if not bool((length.isfinite() & (length > 0)).all()):  # a generator that draws nothing, as a supernet does
        return {}
    with torch.no_grad():
        before, after = (
            Predictions.of(generator(blueprints, z.to(generator.device)), yardstick.split).probabilities
            for z in (here, moved)
        )
    distance = np.sqrt(np.clip(1.0 - np.sqrt(before * after).sum(-1), 0.0, 1.0)).mean(-1)
    return {"latent_lipschitz": metrics.bootstrap(distance / length.numpy())}


def latency(generator: Generator, yardstick: Yardstick, latents: int) -> dict[str, Interval]:
    """Milliseconds to generate one network, in a batch of all test networks and alone (three runs each), and memory.

    ``peak_mb``: highest memory while the batch is generated, of the GPU's own or of the process (Linux only).
    """
    blueprints = yardstick.repeated(latents)
    seeds = list(range(len(blueprints)))

    def batched() -> object:
        return generator.generate(blueprints, seeds)

    def single() -> object:
        return generator.generate(blueprints[:1], [0])

    found = {} if (peak := _peak_mb(batched, generator.device)) is None else {"peak_mb": alone(peak, 1)}
    return found | {
        "latency_ms": metrics.bootstrap(_timed(batched, generator.device, 1000.0 / len(blueprints))),
        "latency_single_ms": metrics.bootstrap(_timed(single, generator.device, 1000.0)),
    }


def _peak_mb(call: Callable[[], object], device: torch.device) -> float | None:
    """Highest memory during a call, in MB; None where the system does not say."""
    try:
        watch_peak(device)
    except OSError:
        return None
    call()
    return peak_bytes(device) / 1e6


def _timed(call: Callable[[], object], device: torch.device, scale: float, runs: int = 3) -> np.ndarray:
    call()
    times = []
    for _ in range(runs):
        wait_for(device)
        start = time.perf_counter()
        call()
        wait_for(device)
        times.append((time.perf_counter() - start) * scale)
    return np.array(times)
