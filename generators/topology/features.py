"""Choices and options of any space as numbers that a network can read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from search_spaces import Choice
from search_spaces.architecture import Value
from search_spaces.encoding import HASHED, random_code

# dimension names: steps = choices one after another, options of a choice (padded), features of an option

FEATURES = 3 * HASHED + 5
_NUMBER = re.compile(r"\d+")


def options_of(
    offered: Sequence[tuple[Choice, tuple[Value, ...]]],
) -> tuple[Float[Tensor, "steps options features"], Bool[Tensor, "steps options"]]:
    """Features of all options of each choice, padded, and which of them may be taken."""
    most = max(len(choice.options) for choice, _ in offered)
    features = torch.zeros(len(offered), most, FEATURES)
    allowed = torch.zeros(len(offered), most, dtype=torch.bool)
    for i, (choice, free) in enumerate(offered):
        features[i, : len(choice.options)] = torch.stack(
            [option_features(choice.name, option) for option in choice.options]
        )
        allowed[i, : len(choice.options)] = torch.tensor([option in free for option in choice.options])
    return features, allowed


@lru_cache(maxsize=65536, typed=True)
def option_features(name: str, value: Value) -> Float[Tensor, " features"]:
    """Codes of the choice without its numbers, of its value and of both; its number, and the value as one.

    So ``width_3`` = 16 and ``width_4`` = 16 are nearly the same, and of ``from_5`` = 4 one sees that it is the node
    before.
    """
    word = _NUMBER.sub("#", name.partition("@")[0])
    first = _NUMBER.search(name)
    index = int(first.group()) if first else 0
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    codes = (random_code("choice", word), random_code("option", repr(value)), random_code(word, repr(value)))
    numbers = (index / 8, number / 8, math.log2(1 + abs(number)) / 4, (number - index) / 8, 1.0)
    return torch.from_numpy(np.concatenate([*codes, np.array(numbers, dtype=np.float32)])) / math.sqrt(FEATURES)
