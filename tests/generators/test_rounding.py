"""Weights as 16-bit floats and as whole numbers with a scale a row."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_families import BLUEPRINTS, TOKENIZER

from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.rounding import LEVELS, WEIGHTS_AS, from_levels, rounded, to_levels
from search_spaces import RunFailed


def networks() -> Generated:
    layout = TOKENIZER.batch(BLUEPRINTS)
    return Generated.dense(TOKENIZER, layout, initial_tokens(TOKENIZER, BLUEPRINTS, range(len(BLUEPRINTS))))


@given(seed=st.integers(0, 10**6), levels=st.sampled_from([7, 127]), size=st.sampled_from([1e-30, 1e-3, 1.0, 1e20]))
def test_every_entry_is_the_nearest_level_of_its_row(seed: int, levels: int, size: float) -> None:
    random = torch.Generator().manual_seed(seed)
    weight = size * torch.randn(4, 3, 2, generator=random)
    weight[1] = 0
    whole, scale = to_levels(weight, levels)
    again = from_levels(whole, scale)
    assert again[1].abs().max() == 0
    for row in range(4):
        steps = torch.arange(-levels, levels + 1) * scale[row]
        nearest = (weight[row].flatten()[:, None] - steps).abs().amin(1)
        error = (weight[row] - again[row]).flatten().abs()
        torch.testing.assert_close(error, nearest, rtol=0, atol=1e-6 * float(scale[row]) * levels)
        assert error.max() <= 0.5001 * scale[row] + 1e-40
    assert torch.equal(to_levels(-weight, levels)[0], -whole)
    assert int(whole.abs().max()) == levels


def test_more_bits_are_nearer_and_vectors_stay() -> None:
    made = networks()
    errors = {}
    for weights_as in WEIGHTS_AS:
        error = 0.0
        other = rounded(made, weights_as)
        for i in range(len(made)):
            for (name, one), two in zip(made.state_dict(i).items(), other.state_dict(i).values(), strict=True):
                assert torch.equal((one == 0) & (two == 0), one == 0), name
                if one.dim() < 2:
                    assert torch.equal(one, two)
                else:
                    error = max(error, float((one - two).abs().max() / one.abs().max()))
        errors[weights_as] = error
    assert errors["float32"] == 0 < errors["bf16"] < 2**-8
    assert errors["bf16"] < errors["int8"] <= 0.5001 / LEVELS["int8"]
    assert errors["int8"] < errors["int4"] <= 0.5001 / LEVELS["int4"]
    assert torch.equal(rounded(made, "int8").open_neurons, made.open_neurons)


def test_what_is_not_finite_is_refused() -> None:
    made = networks()
    made.tokens[0] = float("nan")
    with pytest.raises(RunFailed, match="not finite"):
        rounded(made, "int4")
