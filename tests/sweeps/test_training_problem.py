"""Searches by real training opened from names: a saved generator as the guide, and what must fit together."""

from pathlib import Path

import numpy as np
import pytest

from generators.registry import make_generator
from generators.saving import save_pretrained
from search_spaces import UnknownName, WeightloomError
from sweeps.origin import Origin
from sweeps.search.training_problem import TrainingProblem
from workbench.guide import GuideConfig
from workbench.tasks import load_task
from workbench.zoo import Recipe

DIGITS = load_task("digits")


def problem(folder: Path, **changes: object) -> TrainingProblem:
    settings: dict[str, object] = {"task": "digits", "space": "mlp", "recipe": Recipe(steps=10), "folder": folder}
    return TrainingProblem(**settings | changes)  # type: ignore[arg-type]


def saved(folder: Path, digest: str) -> Path:
    save_pretrained(make_generator("init", {}), folder)
    Origin(task="digits", task_digest=digest, space="mlp", inputs=64, outputs=10).write(folder)
    return folder


def test_a_saved_generator_guides_every_search_and_costs_nothing(tmp_path: Path) -> None:
    folder = saved(tmp_path / "init", DIGITS.digest())
    space, task = problem(tmp_path, generator=folder, guide=GuideConfig(latents=2)).open()
    one, two = task.guide(0), task.guide(1)
    assert one is two
    assert (one.seconds, one.latents, one.generator.name) == (0.0, 2, "init")
    architectures = space.sample_distinct(4, np.random.default_rng(0))
    assert one.scores(architectures).mean() < 0.4, "untrained networks guess"
    assert not list(tmp_path.glob("guides"))


def test_a_generator_of_another_task_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "init", "0" * 16)
    with pytest.raises(WeightloomError, match="expected a generator of task digits"):
        problem(tmp_path, generator=folder).open()


def test_names_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'mlp'"):
        problem(tmp_path, space="mpl").open()
    with pytest.raises(UnknownName, match="Did you mean 'digits'"):
        problem(tmp_path, task="digit").open()
