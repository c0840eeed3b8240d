"""Networks that were really trained."""

from workbench.zoo.train import Recipe, Trained, train_networks, warm_cosine
from workbench.zoo.zoo import (
    Kind,
    Zoo,
    ZooConfig,
    load_zoo,
    open_zoo,
    save_zoo,
    train_sorted,
    train_zoo,
    zoo_digest,
)

__all__ = [
    "Kind",
    "Recipe",
    "Trained",
    "Zoo",
    "ZooConfig",
    "load_zoo",
    "open_zoo",
    "save_zoo",
    "train_networks",
    "train_sorted",
    "train_zoo",
    "warm_cosine",
    "zoo_digest",
]
