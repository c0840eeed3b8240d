"""Transformer blocks over the tokens of one network."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

# dimension names: networks, tokens as in generators.tokens; d = width


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
        self, h: Float[Tensor, "networks tokens d"], mask: Bool[Tensor, "networks 1 1 tokens"]
    ) -> Float[Tensor, "networks tokens d"]:
        """``mask`` is True where a token may be looked at."""
        n, t, d = h.shape
        q, k, v = self.qkv(self.norm_attention(h)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        looked = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        h = h + self.out(looked.transpose(1, 2).reshape(n, t, d))
        return h + self.down(nn.functional.gelu(self.up(self.norm_mlp(h))))


class TokenTransformer(nn.Module):
    """A stack of blocks over weight tokens followed by edge tokens.

    Args:
        d: width, a multiple of ``heads``.
        layers: number of blocks.
        heads: of attention.
    """

    def __init__(self, d: int, layers: int, heads: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(layers))

    def forward(
        self,
        tokens: Float[Tensor, "networks tokens d"],
        edges: Float[Tensor, "networks edges d"],
        real: Bool[Tensor, "networks tokens"],
        edge_real: Bool[Tensor, "networks edges"],
    ) -> tuple[Float[Tensor, "networks tokens d"], Float[Tensor, "networks edges d"]]:
        """All tokens look at all real tokens and edges of their own network."""
        h = torch.cat([tokens, edges], dim=1)
        mask = torch.cat([real, edge_real], dim=1)[:, None, None]
        for block in self.blocks:
            h = block(h, mask)
        return h[:, : tokens.shape[1]], h[:, tokens.shape[1] :]
