"""The noise frontiers: what diversity and novelty cost without any learning, and how far a generator stands above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from generators.baselines import NoiseBaseline
from generators.baselines.noise import NoiseConfig
from generators.generated import Generated
from workbench import metrics
from workbench.evaluation.diversity import spreads
from workbench.metrics import Interval
from workbench.summary import FrontierPoint
from workbench.yardstick import Predictions, Yardstick
from workbench.zoo import Zoo

# dimension names: levels = of noise, architectures, networks = architectures x latents (architecture-major)

LEVELS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
"""In units of the training weights' spread."""
RESAMPLES = 500

Source = Literal["noise", "noise-oracle"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where networks stand: each a figure per architecture, over all networks, broken ones too.

    Attributes:
        score: mean score; a broken network counts 0.
        spread: mean pairwise 1 − error IoU, see ``metrics.spread``: how much latents differ.
        novelty: 1 − the highest error IoU with any training network, mean over networks.
    """

    score: Float[np.ndarray, "*levels architectures"]
    spread: Float[np.ndarray, "*levels architectures"]
    novelty: Float[np.ndarray, "*levels architectures"]

    @classmethod
    def of(cls, predictions: Predictions, yardstick: Yardstick) -> Place:
        """Of networks of the yardstick's architectures, equally many of each."""
        count = len(yardstick.blueprints)
        everything = np.ones((count, len(predictions.scores) // count), dtype=bool)
        nearest = metrics.max_iou(predictions.errors, yardstick.training.errors)
        return cls(
            score=np.nan_to_num(predictions.scores).reshape(count, -1).mean(1),
            spread=spreads(predictions.errors, everything),
            novelty=1.0 - nearest.reshape(count, -1).mean(1),
        )


@lru_cache(maxsize=2)
def noise_frontiers(zoo: Zoo, yardstick: Yardstick, latents: int) -> Mapping[Source, Place]:
    """What networks plus noise reach over ``LEVELS``; kept for the last yardsticks, as every row is held against it.

    ``noise``: the nearest training network, adapted, plus noise: the same information that a generator has.
    ``noise-oracle``: a network really trained for that very architecture, plus noise.
    """
    noise = NoiseBaseline(NoiseConfig(token_width=zoo.config.token_width)).to(zoo.training.device)
    noise.fit(zoo.training)
    blueprints = yardstick.repeated(latents)
    seeds = list(range(len(blueprints)))
    oracle_of = [n * yardstick.seeds for n in range(len(yardstick.blueprints)) for _ in range(latents)]
    trained = yardstick.networks.select(oracle_of)

    def traced(networks: list[Generated]) -> Place:
        places = [Place.of(Predictions.of(n, yardstick.split), yardstick) for n in networks]
        return Place(
            score=np.stack([place.score for place in places]),
            spread=np.stack([place.spread for place in places]),
            novelty=np.stack([place.novelty for place in places]),
        )

    return {
        "noise": traced([noise.with_sigma(level).generate(blueprints, seeds) for level in LEVELS]),
        "noise-oracle": traced([noise.perturb(trained, level, seeds) for level in LEVELS]),
    }


def gaps(own: Place, frontiers: Mapping[Source, Place], seed: int = 0) -> dict[str, Interval]:
    """How far a generator's mean score stands above each frontier, at its own mean spread and at its own novelty.

    The frontier's score between two noise levels is interpolated in a straight line; outside its range it is that of
    its end. Positive = better than noise. The interval resamples architectures, the frontier's with the generator's.
    """
    found: dict[str, Interval] = {}
    for source, frontier in frontiers.items():
        for axis, name in (("spread", "gap"), ("novelty", "gap_novelty")):
            here, there = getattr(own, axis), getattr(frontier, axis)

            def gap(
                chosen: np.ndarray, here: np.ndarray = here, there: np.ndarray = there, of: Place = frontier
            ) -> float:
                levels = there[:, chosen].mean(1)
                order = np.argsort(levels)
                reached = np.interp(here[chosen].mean(), levels[order], of.score[:, chosen].mean(1)[order])
                return float(own.score[chosen].mean() - reached)

            suffix = "" if source == "noise" else "_oracle"
            found[name + suffix] = metrics.resampled(len(own.score), gap, seed=seed, resamples=RESAMPLES)
    return found


def frontier_points(frontiers: Mapping[Source, Place]) -> list[FrontierPoint]:
    """The curves for the summary, means over architectures."""
    return [
        FrontierPoint.model_validate(
            {
                "baseline": source,
                "sigma": level,
                "score": float(place.score[i].mean()),
                "max_iou": float(1.0 - place.novelty[i].mean()),
                "spread": float(np.nanmean(place.spread[i])),
            }
        )
        for source, place in frontiers.items()
        for i, level in enumerate(LEVELS)
    ]
