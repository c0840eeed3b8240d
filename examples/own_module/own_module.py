"""A module of your own as a search space: convolutions, then attention over the positions."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from search_spaces import ModuleSpace


class SmallNet(nn.Module):
    """Written without a thought of weightloom, but for its norms: no batch norm, which keeps running statistics."""

    def __init__(self, channels: int, outputs: int, heads: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(nn.Sequential(nn.GroupNorm(2, 8), nn.ReLU(), conv()) for _ in range(2)))
        self.mix = nn.MultiheadAttention(8, heads, batch_first=True)
        self.head = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[batch, outputs]`` of images ``[batch, channels, height, width]``."""
        h = self.blocks(self.stem(x)).flatten(2).transpose(1, 2)
        return self.head((h + self.mix(h, h, h)[0]).mean(1))


def conv() -> nn.Module:
    """A convolution that keeps the shape, so that its block may be skipped."""
    return nn.Conv2d(8, 8, 3, padding=1)


class SmallNetSpace(ModuleSpace):
    """SmallNet with fewer heads, blocks and channels."""

    name: ClassVar[str] = "small_net"
    ranks: ClassVar[tuple[int, ...]] = (3,)
    arguments: ClassVar[Mapping[str, tuple[int, ...]]] = {"heads": (1, 2, 4)}
    skippable: ClassVar[tuple[str, ...]] = ("blocks.0", "blocks.1")
    narrowable: ClassVar[Mapping[str, tuple[int, ...]]] = {"stem": (4, 6, 8), "blocks.1.2": (4, 8)}

    def make(self, heads: int) -> nn.Module:
        """A new SmallNet for the task's images."""
        return SmallNet(self.shape[0], self.outputs, heads)
