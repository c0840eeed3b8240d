from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from generators.registry import make_generator
from generators.saving import generator_digest
from search_spaces import Blueprint, MLPSpace, WeightloomError
from workbench.provenance import Provenance, regenerate, versions


def provenance(**changes: object) -> Provenance:
    values = {"task": "digits", "task_digest": "0", "space": "mlp", "generator": "mlp"}
    return Provenance.model_validate({**values, "generator_digest": "0", "seed": 5, **changes})


def test_versions_name_what_matters() -> None:
    found = versions()
    assert {"python", "weightloom", "torch"} <= set(found)
    assert found["torch"] == torch.__version__


def test_json_round_trip_and_strictness() -> None:
    one = provenance(scores={"score": 0.5, "loss": float("nan")}, density=0.25, mode="task")
    assert one.scores == {"score": 0.5, "loss": None}
    assert Provenance.model_validate_json(one.model_dump_json()) == one
    for wrong in ({"density": 0}, {"density": 1.5}, {"weights": 0}, {"extra": 1}, {"created": "yesterday"}):
        with pytest.raises(ValidationError):
            provenance(**wrong)


def test_regenerate_gives_the_same_network_again() -> None:
    generator = make_generator("mlp", {"d": 8, "hidden": 8})
    architecture = MLPSpace(inputs=4, outputs=2, depths=(3,)).sample(np.random.default_rng(1))
    made = generator.generate([Blueprint.of(architecture)], [5], 0.5, 0.2)
    record = provenance(generator_digest=generator_digest(generator), density=0.5, weights=0.2)
    again = regenerate(record, generator, architecture)
    forgotten = regenerate(record.model_copy(update={"weights": 1.0}), generator, architecture)
    assert not torch.equal(made.tokens, forgotten.tokens)
    assert torch.equal(made.tokens, again.tokens)
    assert torch.equal(made.open_neurons, again.open_neurons)
    assert torch.equal(made.gates, again.gates)


def test_another_generator_is_refused() -> None:
    generator = make_generator("mlp", {"d": 8, "hidden": 8})
    architecture = MLPSpace(inputs=4, outputs=2).sample(np.random.default_rng(1))
    with pytest.raises(WeightloomError, match="saved in exports/generator"):
        regenerate(provenance(generator_path="exports/generator"), generator, architecture)
