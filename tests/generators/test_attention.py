"""Attention over nodes against attention over tokens, brute force and padding."""

import pytest
import torch
from torch import Tensor

from generators.attention import TokenTransformer
from generators.registry import make_generator
from search_spaces import Blueprint, MLPSpace

D, HEADS = 16, 4


def transformers() -> tuple[TokenTransformer, TokenTransformer]:
    """Looking at tokens and at nodes, with the same parameters."""
    torch.manual_seed(0)
    tokens, nodes = TokenTransformer(D, 2, heads=HEADS), TokenTransformer(D, 2, "nodes", heads=HEADS)
    nodes.load_state_dict(tokens.state_dict())
    return tokens, nodes


def inputs(node: list[int], edges: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    h = torch.randn(1, len(node), D, generator=random)
    e = torch.randn(1, edges, D, generator=random)
    real = torch.ones(1, len(node), dtype=torch.bool)
    return h, e, real, torch.ones(1, edges, dtype=torch.bool), torch.tensor([node])


def test_nodes_of_one_token_are_tokens() -> None:
    over_tokens, over_nodes = transformers()
    given = inputs([0, 1, 2, 3, 4])
    for theirs, ours in zip(over_tokens(*given), over_nodes(*given), strict=True):
        assert torch.allclose(theirs, ours, atol=1e-6)


def test_a_block_is_attention_to_means_by_hand() -> None:
    _, over_nodes = transformers()
    h, e, real, edge_real, node = inputs([0, 0, 0, 1, 1], edges=1)
    block = over_nodes.blocks[0]
    over_nodes.blocks = over_nodes.blocks[:1]
    normed = block.norm_attention(torch.cat([h, e], 1))[0]
    q, k, v = block.qkv(normed).split(D, -1)
    seen = [torch.stack([x[:3].mean(0), x[3:5].mean(0), x[5]]) for x in (k, v)]
    parts = []
    for head in range(HEADS):
        at = slice(head * D // HEADS, (head + 1) * D // HEADS)
        weights = (q[:, at] @ seen[0][:, at].T / (D // HEADS) ** 0.5).softmax(-1)
        parts.append(weights @ seen[1][:, at])
    after = torch.cat([h, e], 1)[0] + block.out(torch.cat(parts, -1))
    expected = after + block.down(torch.nn.functional.gelu(block.up(block.norm_mlp(after))))
    found = torch.cat(over_nodes(h, e, real, edge_real, node), 1)[0]
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("family", ["transformer", "diffusion"])
@pytest.mark.parametrize("look_at", ["tokens", "nodes"])
def test_neighbours_in_the_batch_change_nothing(family: str, look_at: str) -> None:
    torch.manual_seed(0)
    generator = make_generator(family, {"d": 16, "layers": 2, "look_at": look_at})
    space = MLPSpace(inputs=6, outputs=3, depths=(1, 2), widths=(5, 9), activations=("relu",))
    plain = {"norm": "none", "depth": 2, "activation_1": "relu", "activation_2": "relu", "skip_1": True}
    small = space.from_genome({"norm": "none", "depth": 1, "width_1": 5, "activation_1": "relu"})
    large = space.from_genome({**plain, "width_1": 9, "width_2": 9})
    both = generator.generate([Blueprint.of(small), Blueprint.of(large)], [3, 4])
    alone = generator.generate([Blueprint.of(small)], [3])
    for name, value in alone.state_dict(0).items():
        assert torch.allclose(both.state_dict(0)[name], value, atol=1e-5), name


def test_both_ways_emit_differing_networks() -> None:
    space = MLPSpace(inputs=6, outputs=3, depths=(1,), widths=(9,), activations=("relu",))
    blueprint = Blueprint.of(space.from_genome({"norm": "none", "depth": 1, "width_1": 9, "activation_1": "relu"}))
    found = []
    for look_at in ("tokens", "nodes"):
        torch.manual_seed(0)
        generator = make_generator("transformer", {"d": 16, "layers": 2, "look_at": look_at})
        found.append(generator.generate([blueprint], [0]).tokens)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
