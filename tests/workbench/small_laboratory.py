"""A laboratory on digits that is made in a second."""

from pathlib import Path

from workbench.laboratory import Laboratory
from workbench.zoo import Recipe, ZooConfig


def small_laboratory(folder: Path, *, test: int = 3, steps: int = 300) -> Laboratory:
    """So many test architectures with two networks each, really trained for so many steps."""
    real = Recipe(steps=steps)
    zoo = ZooConfig(pool=8, networks=4, validation=2, test=test, seeds=2, recipe=Recipe(steps=10), real_recipe=real)
    return Laboratory.open(task="digits", data=None, space="mlp", zoo=zoo, folder=folder)
