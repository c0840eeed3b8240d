"""Transformer blocks over the tokens of one network, which look at each other or at its nodes."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

# dimension names: networks, tokens as in generators.tokens; d = width; seen = what is looked at

LookAt = Literal["tokens", "nodes"]
"""Every token at all tokens (cost: square of their number), or at the mean of each node's (tokens times nodes)."""
LOOK_AT = "what tokens attend to: all tokens, or, where these are many, the mean of each node's"


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward layer (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, d: int, heads: int, ratio: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)
        self.norm_mlp = nn.LayerNorm(d)
        self.up = nn.Linear(d, ratio * d)
        self.down = nn.Linear(ratio * d, d)

    def forward(
        self,
        h: Float[Tensor, "networks tokens d"],
        mask: Bool[Tensor, "networks 1 1 seen"],
        means: Float[Tensor, "networks seen tokens"] | None = None,
    ) -> Float[Tensor, "networks tokens d"]:
        """``mask`` is True where something may be looked at: tokens, or by ``means`` weighted sums of them."""
        n, t, d = h.shape
        normed = self.norm_attention(h)
        if means is None:
            q, k, v = self.qkv(normed).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        else:
            weight, bias = self.qkv.weight, self.qkv.bias
            own = nn.functional.linear(normed, weight[:d], bias[:d])
            seen = nn.functional.linear(means @ normed, weight[d:], bias[d:])
            q = own.view(n, t, self.heads, d // self.heads).transpose(1, 2)
            k, v = seen.view(n, seen.shape[1], 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        looked = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        h = h + self.out(looked.transpose(1, 2).reshape(n, t, d))
        return h + self.down(nn.functional.gelu(self.up(self.norm_mlp(h))))


class TokenTransformer(nn.Module):
    """A stack of blocks over weight tokens followed by edge tokens.

    Args:
        d: width, a multiple of ``heads``.
        layers: number of blocks.
        look_at: what tokens and edges see of the weight tokens; edges are seen one by one. Both have the same
            parameters.
        heads: of attention.
    """

    def __init__(self, d: int, layers: int, look_at: LookAt = "tokens", heads: int = 4) -> None:
        super().__init__()
        self.look_at = look_at
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(layers))

    def forward(
        self,
        tokens: Float[Tensor, "networks tokens d"],
        edges: Float[Tensor, "networks edges d"],
        real: Bool[Tensor, "networks tokens"],
        edge_real: Bool[Tensor, "networks edges"],
        node: Int[Tensor, "networks tokens"],
    ) -> tuple[Float[Tensor, "networks tokens d"], Float[Tensor, "networks edges d"]]:
        """Tokens and edges of a network look at its real tokens, or at its nodes, and at its real edges."""
        h = torch.cat([tokens, edges], dim=1)
        seen, means = torch.cat([real, edge_real], dim=1), None
        if self.look_at == "nodes":
            seen, means = _by_node(seen, node, h.dtype)
        for block in self.blocks:
            h = block(h, seen[:, None, None], means)
        return h[:, : tokens.shape[1]], h[:, tokens.shape[1] :]


def _by_node(
    real: Bool[Tensor, "networks all"], node: Int[Tensor, "networks tokens"], dtype: torch.dtype
) -> tuple[Bool[Tensor, "networks seen"], Float[Tensor, "networks seen all"]]:
    """Which nodes there are, and each as the mean of its own; of tokens followed by edges, each edge a node of one."""
    nodes = int(node.max()) + 1
    every = torch.arange(nodes + real.shape[1] - node.shape[1], device=node.device)
    own = torch.cat([node, every[nodes:].expand(len(node), -1)], dim=1)
    member = (own[:, None] == every[:, None]) & real[:, None]
    return member.any(-1), member.to(dtype) / member.sum(-1, keepdim=True).clamp_min(1).to(dtype)
