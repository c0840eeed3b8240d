"""Real training by Muon: networks side by side move as each alone."""

import numpy as np
import pytest
import torch

from generators.initialisation import initial_tokens
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Blueprint
from workbench.execution import runner_of
from workbench.tasks import load_task, loss
from workbench.zoo import Recipe, train_networks
from workbench.zoo.train import optimizer_of

TASK = load_task("digits")
TOKENIZER = WeightTokenizer()


def drawn(space: str, count: int) -> list[Blueprint]:
    shape = (64,) if space == "mlp" else (1, 8, 8)
    opened = SPACES.load(space)(inputs=64, outputs=10, shape=shape)
    return [Blueprint.of(a) for a in opened.sample_distinct(count, np.random.default_rng(3))]


def moved(blueprints: list[Blueprint], seeds: list[int]) -> list[torch.Tensor]:
    """Tokens of each network after some steps on the same examples."""
    layout = TOKENIZER.batch(blueprints)
    runner = runner_of(layout)
    leaves = [
        p.clone().contiguous().requires_grad_() for p in runner.split(initial_tokens(TOKENIZER, blueprints, seeds))
    ]
    optimizer = optimizer_of(Recipe(optimizer="muon"), runner, leaves)
    for step in range(4):
        x, y = TASK.train.x[20 * step :][:20], TASK.train.y[20 * step :][:20]
        total = loss(runner.run(leaves, None, layout.edge_real.float(), x), y).sum()
        for leaf, gradient in zip(leaves, torch.autograd.grad(total, leaves, materialize_grads=True), strict=True):
            leaf.grad = gradient.contiguous()
        optimizer.step()
    with torch.no_grad():
        found = runner.join(leaves)
    return [tokens[: TOKENIZER.size(blueprint)] for tokens, blueprint in zip(found, blueprints, strict=True)]


@pytest.mark.parametrize("space", ["mlp", "conv2d"])
def test_padding_and_neighbours_change_nothing(space: str) -> None:
    blueprints = drawn(space, 4)
    assert len({TOKENIZER.size(blueprint) for blueprint in blueprints}) == 4
    together = moved(blueprints, [0, 1, 2, 3])
    for place, blueprint in enumerate(blueprints):
        (alone,) = moved([blueprint], [place])
        start = initial_tokens(TOKENIZER, [blueprint], [place])[0]
        assert float((alone - start).abs().max()) > 0.01, "it moved"
        torch.testing.assert_close(together[place], alone, atol=1e-4, rtol=1e-3)


def test_it_trains_and_differs_from_adamw() -> None:
    blueprints = drawn("mlp", 3)
    found = {}
    for optimizer in ("adamw", "muon"):
        recipe = Recipe(optimizer=optimizer, steps=60, batch_size=32, learning_rate=0.02)
        trained = train_networks(TASK, TOKENIZER, blueprints, [0, 1, 2], recipe)
        found[optimizer] = trained.networks.tokens
        assert float(trained.scores.min()) > 0.5
    assert float((found["adamw"] - found["muon"]).abs().mean()) > 1e-2
