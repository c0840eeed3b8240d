"""Everything that all experiments of a run share: task, space, zoo and yardsticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators.generator import Generator
from search_spaces import SearchSpace, open_space
from workbench import metrics
from workbench.evaluation import EvaluationConfig
from workbench.evaluation.brief import brief_training
from workbench.evaluation.frontier import frontier_points, noise_frontiers
from workbench.execution import best_device, settle
from workbench.finishing import Finished, finished
from workbench.remote import Remote
from workbench.summary import BriefPoint, FrontierPoint
from workbench.tasks import Task, load_task
from workbench.yardstick import Yardstick
from workbench.zoo import ZOO, Progress, Zoo, ZooConfig, open_zoo, whole_folder, zoo_digest


@dataclass(frozen=True, kw_only=True, eq=False)
class Laboratory:
    """A task, a space and really trained networks, opened once.

    Attributes:
        validation: validation architectures on validation data: what a sweep selects by.
        test: test architectures on test data: what is reported.
        test_validity: test architectures on validation data: decides which networks are valid.
    """

    task: Task
    space: SearchSpace
    zoo: Zoo
    validation: Yardstick
    test: Yardstick
    test_validity: Yardstick

    @classmethod
    def open(
        cls,
        *,
        task: str | Task,
        data: str | None,
        space: str,
        zoo: ZooConfig,
        folder: Path,
        space_settings: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        remote: Remote | None = None,
    ) -> Laboratory:
        """Load the task if it is given by name; read the zoo from ``folder``, fetch it from ``remote`` or train it.

        Examples and networks are on ``workbench.execution.best_device``.
        """
        settle()
        loaded = (task if isinstance(task, Task) else load_task(task, data)).to(best_device())
        chosen = open_space(
            space, inputs=loaded.inputs, outputs=loaded.classes, shape=loaded.shape, settings=space_settings
        )
        home = folder / zoo_digest(loaded, chosen, zoo)
        if remote is not None and not home.exists() and ZOO in remote.names(f"{folder.name}/{home.name}"):
            with whole_folder(home) as scratch:
                remote.fetch(f"{folder.name}/{home.name}", scratch)
        opened = open_zoo(loaded, chosen, zoo, folder, progress).to(best_device())
        if remote is not None and ZOO not in remote.names(f"{folder.name}/{home.name}"):
            remote.send(home, f"{folder.name}/{home.name}")
        validation = Yardstick.of(opened, opened.validation, loaded.validation)
        return cls(
            task=loaded,
            space=chosen,
            zoo=opened,
            validation=validation,
            test=Yardstick.of(opened, opened.test, loaded.test),
            test_validity=Yardstick.of(opened, opened.test, loaded.validation, validation.training),
        )

    @property
    def device(self) -> torch.device:
        """Of examples and networks, and of generators that are measured here."""
        return self.task.train.x.device

    def zoo_facts(self) -> dict[str, Any]:
        """What every summary says of the zoo."""
        zoo = self.zoo
        return {
            "kind": zoo.config.kind,
            "networks": len(zoo.training),
            "training_architectures": len(zoo.pool),
            "validation_architectures": zoo.config.validation,
            "test_architectures": zoo.config.test,
            "real_networks_each": zoo.config.seeds,
            "hash": zoo.digest,
            "seconds": zoo.seconds,
            "still_improving": zoo.still_improving,
            **self._doubled(),
        }

    def _doubled(self) -> dict[str, float]:
        """What real networks score more on test data after twice as many steps: mean and interval."""
        if not self.zoo.doubled:
            return {}
        once, twice = np.array(self.zoo.doubled).T
        gain = metrics.bootstrap(twice - once)
        return {"doubled_gain": gain.mean, "doubled_gain_low": gain.low, "doubled_gain_high": gain.high}

    def noise_frontier(self, config: EvaluationConfig) -> list[FrontierPoint]:
        """What novelty costs without learning; see ``workbench.evaluation.frontier``."""
        return frontier_points(noise_frontiers(self.zoo, self.test, config.latents))

    def finished(self, start: Generator | None, steps: int) -> Finished:
        """A generator (by default of fresh weights) followed by so many steps of real training; see ``finishing``."""
        return finished(start, self.task, self.zoo.config, self.validation, steps)

    def brief_training(
        self, config: EvaluationConfig, counts: Sequence[int] | None = None, start: Generator | None = None
    ) -> list[BriefPoint]:
        """What a few steps of real training reach from fresh or generated weights; see ``evaluation.brief``."""
        yardsticks = (self.validation, self.test, self.test_validity)
        return brief_training(self.task, self.zoo.config, *yardsticks, config, counts=counts, start=start)
