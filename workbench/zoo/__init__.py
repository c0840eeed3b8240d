"""Networks that were really trained."""

from workbench.zoo.train import Recipe, Trained, train_networks, warm_cosine
from workbench.zoo.zoo import (
    ZOO,
    Kind,
    Zoo,
    ZooConfig,
    load_zoo,
    open_zoo,
    save_zoo,
    train_sorted,
    train_zoo,
    whole_folder,
    zoo_digest,
)

__all__ = [
    "ZOO",
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
    "whole_folder",
    "zoo_digest",
]
