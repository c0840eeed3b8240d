"""A task of your own: which of four tunes a noisy stretch of sound is.

Any data will do: give `split_task` an array of examples and an array of class numbers. It shuffles by a fixed seed,
splits into train, validation and test, and standardises by the training split.
"""

import numpy as np

from workbench.tasks import Task, split_task

CLASSES, EXAMPLES, LENGTH = 4, 1200, 32


def own_thing() -> Task:
    """Sines of four frequencies, with random phase, size and noise: 32 inputs, 4 classes, made on the spot."""
    rng = np.random.default_rng(0)  # made twice it must be the same, and must not move anybody else's randomness
    y = rng.integers(CLASSES, size=EXAMPLES)
    time = np.linspace(0.0, 1.0, LENGTH)
    phase, size = rng.uniform(0.0, 1.0, (EXAMPLES, 1)), rng.uniform(0.5, 1.5, (EXAMPLES, 1))
    x = size * np.sin(2 * np.pi * ((y[:, None] + 1) * time + phase)) + 0.3 * rng.normal(size=(EXAMPLES, LENGTH))
    return split_task("own_thing", x, y, shape=(1, LENGTH))  # channels first: one channel, so that conv1d reads it too
