"""One small generator and one network of it, to be exported."""

from __future__ import annotations

import numpy as np

from generators.generated import Generated
from generators.generator import Generator
from generators.registry import make_generator
from generators.saving import generator_digest
from search_spaces import Blueprint, MLPSpace
from workbench.provenance import Provenance

SCORES = {"score": 0.9, "score_low": 0.87, "score_high": 0.92, "test_examples": 449.0, "validation_score": 0.91}


def small_network(**changes: object) -> tuple[Generator, Generated, Provenance]:
    """A generator, a batch of one of its networks with closed neurons, and the provenance of that."""
    generator = make_generator("mlp", {"d": 8, "hidden": 8})
    architecture = MLPSpace(inputs=6, outputs=3, depths=(2,)).sample(np.random.default_rng(0))
    generated = generator.generate([Blueprint.of(architecture)], [7], 0.5)
    values = {"task": "digits", "task_digest": "d", "space": "mlp", "generator": "mlp", "seed": 7, "density": 0.5}
    values |= {"generator_digest": generator_digest(generator), "scores": SCORES, "generator_path": "generators/a"}
    return generator, generated, Provenance.model_validate({**values, **changes})
