"""Controls and costs: shuffled blueprints, weight-space novelty, latency."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from generators.adaptation import adapt
from generators.generated import Generated
from generators.generator import Generator
from generators.heads import to_values
from workbench import metrics
from workbench.metrics import Interval
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo import Zoo


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
    adapted, theirs = _references(yardstick, zoo)
    ours = [_nearest(generated, i * latents, values) for i, values in enumerate(adapted)]
    found = {"nearest_l2": metrics.bootstrap(np.array(ours))}
    if theirs.mean() > 0:
        found["rho"] = metrics.bootstrap(np.array(ours) / float(theirs.mean()))
    return found


@lru_cache(maxsize=1)
def _references(yardstick: Yardstick, zoo: Zoo) -> tuple[list[Tensor], np.ndarray]:
    """The training networks adapted to each held-out architecture, and how far a real network is from them.

    Kept for the last yardstick, because every row of a table is held against the same.
    """
    adapted = [adapt(zoo.training.networks, blueprint).values for blueprint in yardstick.blueprints]
    theirs = [_nearest(yardstick.networks, i * yardstick.seeds, values) for i, values in enumerate(adapted)]
    return adapted, np.array(theirs)


def _nearest(networks: Generated, index: int, adapted: Tensor) -> float:
    """L2 distance modulo permutation to the nearest of the three training networks that are nearest without."""
    own = to_values(networks.select([index]))[0]
    plain = (adapted - own).square().sum((1, 2))
    if any(node.operation != "dense" for node in networks.blueprints[index].architecture.nodes[1:]):
        return float(plain.min().sqrt())
    near = plain.topk(3, largest=False).indices
    layers = _layers(own[0], networks, index)
    return min(metrics.matched_l2(layers, _layers(adapted[j], networks, index)) for j in near.tolist())


def _layers(values: Tensor, networks: Generated, index: int) -> list[np.ndarray]:
    """Each node's weights with the bias as last column, in natural units."""
    blueprint = networks.blueprints[index]
    state = networks.tokenizer.detokenize(values.cpu(), blueprint)
    nodes = dict.fromkeys(spec.node for spec in blueprint.parameters)
    layers = []
    for node in nodes:
        own = {spec.role: state[spec.name] for spec in blueprint.parameters if spec.node == node}
        layers.append(torch.cat([own["weight"], own["bias"][:, None]], dim=1).numpy().astype(np.float64))
    return layers


def latency(generator: Generator, yardstick: Yardstick, latents: int) -> dict[str, Interval]:
    """Milliseconds to generate one network, in a batch of all test networks and alone (three runs each)."""
    blueprints = [b for b in yardstick.blueprints for _ in range(latents)]
    seeds = list(range(len(blueprints)))

    def batched() -> object:
        return generator.generate(blueprints, seeds)

    def single() -> object:
        return generator.generate(blueprints[:1], [0])

    return {
        "latency_ms": metrics.bootstrap(_timed(batched, 1000.0 / len(blueprints))),
        "latency_single_ms": metrics.bootstrap(_timed(single, 1000.0)),
    }


def _timed(call: Callable[[], object], scale: float, runs: int = 3) -> np.ndarray:
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * scale)
    return np.array(times)
