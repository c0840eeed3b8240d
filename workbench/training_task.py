"""A task whose answers are real training: each query trains the architecture, once and for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import final

from search_spaces import Architecture, SearchSpace
from workbench.answers import Answers
from workbench.guide import GeneratedScores, GuideConfig, open_guide
from workbench.relaxed import RelaxedConfig, RelaxedGates, open_relaxed, relaxable
from workbench.tasks import Task
from workbench.zoo import Recipe

QUERY_SEEDS = (0,)
FINAL_SEEDS = (1, 2, 3)
"""The pick is trained anew from these, so that luck of the query's seed does not count."""


def default_recipe(steps: int | None = None) -> Recipe:
    """How a search trains unless told otherwise: short, since it trains many; light noise on inputs."""
    return Recipe(steps=400 if steps is None else steps, input_noise=0.1)


@final
class TrainingTask:
    """Scores of one space's architectures by real training under one recipe.

    Args:
        task: gives the examples.
        space: whose architectures are trained.
        recipe: the same for all, queries and picks.
        folder: where answers, guides and relaxed gates are kept.
        guide: how a guide is trained.
        relaxed: how the space is relaxed.
        generator: a guide that is there already; its training is then not counted.
    """

    def __init__(
        self,
        task: Task,
        space: SearchSpace,
        *,
        recipe: Recipe,
        folder: Path,
        guide: GuideConfig | None = None,
        relaxed: RelaxedConfig | None = None,
        generator: GeneratedScores | None = None,
    ) -> None:
        self.name = task.name
        self.query = f"validation score after {recipe.steps} steps"
        self.final = f"test score, mean of {len(FINAL_SEEDS)} other trainings"
        self.best_score: float | None = None
        self.best_final_score: float | None = None
        self._task, self._space, self._recipe, self._folder = task, space, recipe, folder
        self._config, self._generator = guide or GuideConfig(), generator
        self._relaxed = relaxed or RelaxedConfig()
        self._answers = Answers(task=task, recipe=recipe, folder=folder / "answers")

    def score(self, architecture: Architecture) -> float:
        """Validation score of one training, 0 to 1; the same for every search."""
        return self._answers.of(architecture, QUERY_SEEDS).validation[0]

    def seconds(self, architecture: Architecture) -> float:
        """Processor seconds that the query about ``architecture`` took when it was trained."""
        return self._answers.of(architecture, QUERY_SEEDS).seconds

    def final_score(self, architecture: Architecture) -> float:
        """Mean test score of trainings with other seeds than the query's, 0 to 1."""
        test = self._answers.of(architecture, FINAL_SEEDS).test
        return sum(test) / len(test)

    def guide(self, seed: int) -> GeneratedScores:
        """What scores architectures by generated weights in the search with this seed; see ``open_guide``."""
        if self._generator is not None:
            return self._generator
        noise = self._recipe.input_noise
        return open_guide(self._task, self._space, self._config, seed, self._folder / "guides", noise)

    def relaxing(self) -> Callable[[int], RelaxedGates]:
        """What relaxes the space for the search with a seed, see ``open_relaxed``; it is refused if that cannot be."""
        relaxable(self._space)
        noise, folder = self._recipe.input_noise, self._folder / "relaxed"
        return lambda seed: open_relaxed(self._task, self._space, self._relaxed, seed, folder, noise)
