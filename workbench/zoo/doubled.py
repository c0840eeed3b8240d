"""Has real training converged? Some networks are trained once more, from the same start for twice as long.

That a network's best step was not its last says little: with a rate that falls to nothing every training comes to an
end, and a longer one may still come to a better one.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from generators.generated import Generated
from workbench.execution import predict
from workbench.tasks import score
from workbench.zoo.batched import Batch, Training


def chosen(test: int, seeds: int, count: int) -> list[int]:
    """Rows of the first network of ``count`` test architectures, evenly spaced among all of them.

    Args:
        test: test architectures.
        seeds: networks of each, side by side.
        count: at most so many are chosen.
    """
    count = min(count, test)
    return [i * test // count * seeds for i in range(count)]


def doubled(real: Training, rows: list[int]) -> Training:
    """The training of these networks with twice the steps."""
    return replace(
        real,
        blueprints=[real.blueprints[row] for row in rows],
        seeds=[real.seeds[row] for row in rows],
        recipe=real.recipe.model_copy(update={"steps": 2 * real.recipe.steps}),
    )


def test_scores(training: Training, number: int, batch: Batch, rows: list[int]) -> dict[int, float]:
    """Scores on test data of some of a batch's networks, by row; 0 for a broken network.

    Args:
        training: of which the batch is.
        number: of the batch.
        batch: its networks.
        rows: which of its networks, by their row among all results of the training.
    """
    if not rows:
        return {}
    own, split = training.rows(number), training.task.test
    networks = Generated(
        tokenizer=training.tokenizer,
        layout=training.tokenizer.batch([training.results[row] for row in own]),
        tokens=batch.tokens.cpu(),
        open_neurons=batch.open_neurons.cpu(),
        gates=batch.gates.cpu(),
    )
    found = predict(networks.select([own.index(row) for row in rows]), split.x.cpu())
    return dict(zip(rows, torch.nan_to_num(score(found, split.y.cpu())).tolist(), strict=True))
