"""Networks that were really trained."""

from workbench.zoo.batched import train_sorted
from workbench.zoo.building import Progress, open_zoo
from workbench.zoo.config import CHECKPOINTS, Kind, ZooConfig
from workbench.zoo.stored import ZOO, load_zoo, save_zoo, whole_folder
from workbench.zoo.train import Recipe, Trained, train_networks, warm_cosine
from workbench.zoo.zoo import Zoo, zoo_digest

__all__ = [
    "CHECKPOINTS",
    "ZOO",
    "Kind",
    "Progress",
    "Recipe",
    "Trained",
    "Zoo",
    "ZooConfig",
    "load_zoo",
    "open_zoo",
    "save_zoo",
    "train_networks",
    "train_sorted",
    "warm_cosine",
    "whole_folder",
    "zoo_digest",
]
