"""Where parameters lie in tokens, and what the tokenizer refuses."""

import pytest
import torch
from torch import nn

from generators.tokens import LANES, WeightTokenizer
from search_spaces import Blueprint, MLPSpace, WeightloomError

SPACE = MLPSpace(inputs=5, outputs=3, widths=(2, 4), depths=(1, 2))
SMALL = Blueprint.of(SPACE.from_genome({"norm": "layer", "depth": 1, "width_1": 2, "activation_1": "relu"}))


def state_of(blueprint: Blueprint) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {spec.name: torch.randn(spec.shape) for spec in blueprint.parameters}


def test_a_token_by_hand() -> None:
    """Two hidden neurons with five weights in tokens of three: bias, scale, shift and w0..w2, then w3 and w4."""
    state = state_of(SMALL)
    tokens = WeightTokenizer(width=3).tokenize(state, SMALL)
    assert tokens.shape == (2 * 2 + 3 * 1, LANES + 3)
    bias, scale = state["hidden_1.linear.bias"], state["hidden_1.norm.weight"]
    shift, weight = state["hidden_1.norm.bias"], state["hidden_1.linear.weight"]
    for neuron in (0, 1):
        first = [bias[neuron], scale[neuron], shift[neuron], *weight[neuron, :3]]
        second = [*[torch.tensor(0.0)] * 3, *weight[neuron, 3:], torch.tensor(0.0)]
        assert torch.equal(tokens[2 * neuron], torch.stack(first))
        assert torch.equal(tokens[2 * neuron + 1], torch.stack(second))
    layout = WeightTokenizer(width=3).layout(SMALL)
    assert layout.node.tolist() == [1, 1, 1, 1, 2, 2, 2]
    assert layout.neuron.tolist() == [0, 0, 1, 1, 0, 1, 2]
    assert layout.chunk.tolist() == [0, 1, 0, 1, 0, 0, 0]
    assert layout.maskable.tolist() == [True] * 4 + [False] * 3
    unit = 5**-0.5
    assert layout.scale[0].tolist() == pytest.approx([unit, 0.1, 0.1, unit, unit, unit])
    assert layout.centre[0].tolist() == [0, 1, 0, 0, 0, 0]


def test_width() -> None:
    for width in (0, -3):
        with pytest.raises(WeightloomError, match="width must be at least 1"):
            WeightTokenizer(width=width)
    assert WeightTokenizer(width=7).entries == LANES + 7


def test_states_that_do_not_fit() -> None:
    tokenizer, state = WeightTokenizer(width=4), state_of(SMALL)
    with pytest.raises(WeightloomError, match=r"missing tensors \['output.linear.bias'\]"):
        tokenizer.tokenize({k: v for k, v in state.items() if k != "output.linear.bias"}, SMALL)
    with pytest.raises(WeightloomError, match=r"unknown tensors \['more'\]"):
        tokenizer.tokenize(state | {"more": torch.zeros(1)}, SMALL)
    with pytest.raises(WeightloomError, match=r"output.linear.bias must have shape \(3,\), got \(4,\)"):
        tokenizer.tokenize(state | {"output.linear.bias": torch.zeros(4)}, SMALL)
    with pytest.raises(WeightloomError, match=r"output\.linear\.bias must be torch\.float32"):
        tokenizer.tokenize(state | {"output.linear.bias": torch.zeros(3, dtype=torch.float64)}, SMALL)
    with pytest.raises(WeightloomError, match="expected at least 5 tokens of 8 entries"):
        WeightTokenizer(width=5).detokenize(torch.zeros(4, 8), SMALL)
    with pytest.raises(WeightloomError, match="at least one blueprint"):
        tokenizer.batch([])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_types_pass_through(dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in state_of(SMALL).items()}
    tokenizer = WeightTokenizer(width=4)
    again = tokenizer.detokenize(tokenizer.tokenize(state, SMALL), SMALL)
    assert all(torch.equal(again[name], state[name]) and again[name].dtype == dtype for name in state)


def test_gradients_pass_from_tensors_to_tokens() -> None:
    tokenizer = WeightTokenizer(width=4)
    tokens = tokenizer.tokenize(state_of(SMALL), SMALL).requires_grad_()
    sum(tensor.sum() for tensor in tokenizer.detokenize(tokens, SMALL).values()).backward()
    assert torch.equal(tokens.grad, tokenizer.layout(SMALL).used.float())


def test_layouts_are_cached_and_batches_padded() -> None:
    tokenizer = WeightTokenizer(width=4)
    assert tokenizer.layout(SMALL) is WeightTokenizer(width=4).layout(SMALL)
    other = Blueprint.of(
        SPACE.from_genome(
            {"norm": "none", "depth": 2, "width_1": 4, "width_2": 4, "skip_1": True}
            | {"activation_1": "relu", "activation_2": "relu"}
        )
    )
    batch = tokenizer.batch([SMALL, other])
    assert batch.real.sum(1).tolist() == [len(tokenizer.layout(SMALL)), len(tokenizer.layout(other))]
    assert batch.edge_real.tolist() == [[False], [True]]
    assert not bool(batch.used[~batch.real].any())
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    assert moved.used.device.type == moved.edge_real.device.type == "meta"


def test_norms_with_two_axes_and_second_biases_find_a_place() -> None:
    module = nn.Sequential(nn.LayerNorm((3, 2)), nn.LSTM(3, 3), nn.MultiheadAttention(4, 2))
    blueprint = Blueprint.of_module(module)
    tokenizer = WeightTokenizer(width=5)
    state = {name: torch.randn_like(p) for name, p in module.named_parameters()}
    again = tokenizer.detokenize(tokenizer.tokenize(state, blueprint), blueprint)
    assert all(torch.equal(again[name], state[name]) for name in state)
