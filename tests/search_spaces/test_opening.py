"""Registered spaces with arguments of their own."""

import numpy as np
import pytest

from search_spaces import UnknownName, WeightloomError, open_space


def test_arguments_reach_the_space() -> None:
    space = open_space("mlp", inputs=4, outputs=3, shape=None, settings={"depths": [2], "widths": [5, 7]})
    assert space.settings == {"depths": [2], "widths": [5, 7]}
    drawn = [space.sample(np.random.default_rng(seed)) for seed in range(20)]
    widths = {dict(node.choices)["width"] for one in drawn for node in one.nodes[1:-1]}
    assert widths == {5, 7}
    assert {len(one.nodes) for one in drawn} == {4}
    assert open_space("mlp", inputs=4, outputs=3, shape=None).settings == {}


def test_mistakes_name_what_there_is() -> None:
    with pytest.raises(UnknownName, match=r"unknown argument of space mlp 'width'. Did you mean 'widths'"):
        open_space("mlp", inputs=4, outputs=3, shape=None, settings={"width": [5]})
    with pytest.raises(UnknownName, match="'inputs'"):  # the data decides
        open_space("mlp", inputs=4, outputs=3, shape=None, settings={"inputs": 3})
    with pytest.raises(WeightloomError, match="widths must be integers of at least 1, got"):
        open_space("mlp", inputs=4, outputs=3, shape=None, settings={"widths": [0]})
    with pytest.raises(WeightloomError, match="space mlp: expected arguments of other kinds"):
        open_space("mlp", inputs=4, outputs=3, shape=None, settings={"widths": 5})
