"""A cache bounded by bytes: what it keeps, and that layouts of many networks do not add up."""

import numpy as np
import pytest

from generators import tokens
from generators.keeping import Kept
from generators.layouts import TokenLayout, layout_of, size_of_layout
from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, MLPSpace


def test_the_last_ones_within_the_bound_are_kept() -> None:
    called: list[int] = []

    def made(size: int) -> bytes:
        called.append(size)
        return bytes(size)

    cache: Kept[bytes] = Kept(made, len, 10)
    first = cache(4)
    assert cache(4) is first
    cache(5), cache(4), cache(3)
    assert cache.bytes == 7, "5 went, which was asked for longest ago"
    assert cache(4) is first
    cache(5)
    assert called == [4, 5, 3, 5]
    assert len(cache(100)) == 100
    assert (len(cache), cache.bytes) == (1, 100), "the last one is kept whatever its size"
    cache(100)
    assert called.count(100) == 1


def test_layouts_of_many_networks_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    space = MLPSpace(inputs=16, outputs=4)
    blueprints = [Blueprint.of(a) for a in space.sample_distinct(40, np.random.default_rng(0))]
    tokenizer = WeightTokenizer(width=16)
    few: Kept[TokenLayout] = Kept(layout_of.__wrapped__, size_of_layout, 2**17)
    monkeypatch.setattr(tokens, "layout_of", few)
    whole = tokenizer.batch(blueprints)
    assert len(few) < 40
    assert few.bytes <= 2**17
    assert tuple(whole.blueprints) == tuple(blueprints)
