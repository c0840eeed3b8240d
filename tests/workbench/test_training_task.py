"""Search by real training: answers kept by content, picks judged by other seeds on test data, guides kept too."""

import dataclasses
import json
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from search_spaces import Architecture, DamagedFile, MLPSpace, UnknownName
from workbench import answers, own_generator
from workbench.answers import Answers
from workbench.guide import GuideConfig, open_guide
from workbench.tasks import Split, Task
from workbench.tasks.task import split_task
from workbench.training_task import FINAL_SEEDS, QUERY_SEEDS, TrainingTask
from workbench.zoo import Recipe

SPACE = MLPSpace(inputs=6, outputs=3)
RECIPE = Recipe(steps=60, batch_size=32, learning_rate=0.02, input_noise=0.0)
SMALL = GuideConfig(steps=3, architectures=2, pool=8)


def blobs() -> Task:
    """Three classes that are easily told apart."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=240)
    x = np.eye(3)[y].repeat(2, axis=1) * 3 + rng.normal(size=(240, 6))
    return split_task("blobs", x, y)


TASK = blobs()


def some(count: int) -> tuple[Architecture, ...]:
    return SPACE.sample_distinct(count, np.random.default_rng(0))


def training(folder: Path, task: Task = TASK) -> TrainingTask:
    return TrainingTask(task, SPACE, recipe=RECIPE, folder=folder, guide=SMALL)


def fail(*_: object, **__: object) -> NoReturn:
    raise AssertionError("trained again")


def test_nothing_is_trained_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture, other = some(2)
    first = training(tmp_path)
    found = (first.score(architecture), first.final_score(architecture), first.seconds(architecture))
    assert found[0] > 0.8
    assert found[1] > 0.8
    assert found[2] > 0
    monkeypatch.setattr(answers, "train_networks", fail)
    again = training(tmp_path)
    assert (again.score(architecture), again.final_score(architecture), again.seconds(architecture)) == found
    renamed = dataclasses.replace(architecture, space="another")
    assert again.score(renamed) == found[0], "what computes the same shares one answer"
    with pytest.raises(AssertionError, match="trained again"):
        again.score(other)


def test_the_same_question_has_the_same_answer_in_another_folder(tmp_path: Path) -> None:
    (architecture,) = some(1)
    one, two = (Answers(task=TASK, recipe=RECIPE, folder=tmp_path / name).of(architecture, (0, 5)) for name in "ab")
    assert one.model_copy(update={"seconds": 0.0}) == two.model_copy(update={"seconds": 0.0})
    assert len(one.validation) == len(one.test) == 2


def test_an_answer_is_for_one_architecture_task_recipe_and_seeds(tmp_path: Path) -> None:
    architecture, other = some(2)
    mine = Answers(task=TASK, recipe=RECIPE, folder=tmp_path)
    longer = Answers(task=TASK, recipe=RECIPE.model_copy(update={"steps": 61}), folder=tmp_path)
    turned = Split(x=TASK.train.x, y=(TASK.train.y + 1) % 3)
    elsewhere = Answers(task=dataclasses.replace(TASK, train=turned), recipe=RECIPE, folder=tmp_path)
    paths = [mine.path(architecture, (0,)), mine.path(architecture, (1,)), mine.path(architecture, (0, 1))]
    paths += [mine.path(other, (0,)), longer.path(architecture, (0,)), elsewhere.path(architecture, (0,))]
    assert len(set(paths)) == len(paths)


def test_picks_are_judged_on_test_data_by_other_seeds(tmp_path: Path) -> None:
    """With test labels that nobody could guess, queries stay good and picks do not."""
    assert not set(FINAL_SEEDS) & set(QUERY_SEEDS)
    wrong = dataclasses.replace(TASK, test=Split(x=TASK.test.x, y=(TASK.test.y + 1) % 3))
    (architecture,) = some(1)
    task = training(tmp_path, wrong)
    assert task.score(architecture) > 0.8
    assert task.final_score(architecture) < 0.2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"seeds"', '"sedes"'),
        lambda text: json.dumps({**json.loads(text), "key": "0" * 16}),
        lambda text: json.dumps({**json.loads(text), "validation": []}),
    ],
    ids=["cut", "unknown key", "of another architecture", "no score"],
)
def test_a_damaged_answer_is_never_used(damage: object, tmp_path: Path) -> None:
    (architecture,) = some(1)
    known = Answers(task=TASK, recipe=RECIPE.model_copy(update={"steps": 10}), folder=tmp_path)
    known.of(architecture, (0,))
    path = known.path(architecture, (0,))
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with pytest.raises(DamagedFile, match=path.name):
        known.of(architecture, (0,))


def test_a_guide_is_trained_once_and_costs_the_same_when_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architectures = some(5)
    first = training(tmp_path).guide(3)
    scores = first.scores(architectures)
    assert scores.shape == (5,)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert first.scores(architectures[::-1]) == pytest.approx(scores[::-1], abs=0.03), "company does not matter"
    monkeypatch.setattr(own_generator, "train_generator", fail)
    again = training(tmp_path).guide(3)
    assert again.scores(architectures).tolist() == scores.tolist()
    assert again.seconds == first.seconds > 0
    with pytest.raises(AssertionError, match="trained again"):
        training(tmp_path).guide(4)


def test_a_guide_whose_training_was_cut_off_is_trained_again(tmp_path: Path) -> None:
    training(tmp_path).guide(0)
    (cost,) = tmp_path.rglob(own_generator.COST)
    cost.unlink()
    training(tmp_path).guide(0)
    assert cost.exists()


def test_a_trained_guide_is_better_than_a_fresh_one(tmp_path: Path) -> None:
    def mean(steps: int) -> float:
        config = SMALL.model_copy(update={"steps": steps})
        return float(open_guide(TASK, SPACE, config, 0, tmp_path, 0.0).scores(some(8)).mean())

    assert mean(60) > max(mean(1), 0.5)


def test_an_unknown_family_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'mlp'"):
        open_guide(TASK, SPACE, GuideConfig(family="mpl"), 0, tmp_path, 0.0)
