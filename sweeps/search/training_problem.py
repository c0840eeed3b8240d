"""Which task, space and recipe a search trains on; opened anew in every process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from generators.saving import from_pretrained
from search_spaces import SPACES, SearchSpace, UnknownName, WeightloomError, open_space
from sweeps.origin import Origin
from workbench.execution import settle
from workbench.guide import GeneratedScores, GuideConfig
from workbench.relaxed import RelaxedConfig
from workbench.tasks import Task, load_task
from workbench.training_task import TrainingTask
from workbench.zoo import Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingProblem:
    """A search by real training.

    Attributes:
        task: registered name.
        space: registered name; must take examples of the task's shape.
        recipe: of every real training.
        folder: where answers, guides and relaxed gates are kept.
        data: folder of the task's data, for a task that reads files.
        guide: how a guide is trained, if a method wants one.
        relaxed: how the space is relaxed, if a method wants that.
        generator: folder of a saved generator to be the guide instead; ``None`` = train one.
    """

    task: str
    space: str
    recipe: Recipe
    folder: Path
    data: str | None = None
    guide: GuideConfig = field(default_factory=GuideConfig)
    relaxed: RelaxedConfig = field(default_factory=RelaxedConfig)
    generator: Path | None = None

    def open(self) -> tuple[SearchSpace, TrainingTask]:
        """The space and its task.

        Raises:
            UnknownName: no such task or space.
            WeightloomError: the space does not take the task's examples, or the generator is not of this task.
            DamagedFile: the generator's files were altered.
        """
        settle()
        if self.space not in SPACES.names():
            raise UnknownName("space", self.space, SPACES.names())
        task = load_task(self.task, self.data)
        space = open_space(self.space, inputs=task.inputs, outputs=task.classes, shape=task.shape)
        return space, TrainingTask(
            task,
            space,
            recipe=self.recipe,
            folder=self.folder,
            guide=self.guide,
            relaxed=self.relaxed,
            generator=None if self.generator is None else self._saved(self.generator, task),
        )

    def _saved(self, folder: Path, task: Task) -> GeneratedScores:
        origin = Origin.read(folder)
        if origin.task_digest != task.digest():
            raise WeightloomError(
                f"--generator {folder}: expected a generator of task {task.name} (digest {task.digest()}), got one of "
                f"{origin.task} (digest {origin.task_digest}); name another or leave it out, and one is trained"
            )
        return GeneratedScores(generator=from_pretrained(folder), task=task, latents=self.guide.latents, seconds=0.0)
