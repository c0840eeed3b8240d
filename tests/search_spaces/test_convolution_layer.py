"""Windows of convolutions lie where their padding says, whoever pads."""

import itertools

import pytest
import torch
from torch.nn import functional

from search_spaces import Node
from search_spaces.layers.norms import Norm
from search_spaces.layers.spatial import Conv, Pool
from search_spaces.operations.spatial import padding


def layer(kernel: int, stride: int, *positions: int) -> Conv:
    torch.manual_seed(0)
    choices = {"activation": "none", "channels": 4, "groups": 1, "kernel": kernel, "norm": "none", "stride": stride}
    return Conv(Node(name="a", operation="conv", choices=tuple(choices.items())), (3, *positions))


@pytest.mark.parametrize(("kernel", "stride"), list(itertools.product((1, 2, 3, 4, 5, 7), (1, 2, 3, 4))))
@pytest.mark.parametrize("positions", [(12,), (13,), (12, 12), (11, 12), (9, 15)])
def test_windows_are_those_of_the_padded_input(kernel: int, stride: int, positions: tuple[int, ...]) -> None:
    conv = layer(kernel, stride, *positions)
    x = torch.randn(2, 3, *positions)
    around = [side for length in reversed(positions) for side in padding(length, kernel, stride)]
    by_hand = (functional.conv1d, functional.conv2d)[len(positions) - 1](
        functional.pad(x, around), conv.conv.weight, conv.conv.bias, stride
    )
    assert by_hand.shape[2:] == tuple(-(-length // stride) for length in positions)
    torch.testing.assert_close(conv(x), by_hand, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("kernel", "stride", "length"), list(itertools.product((1, 3, 5, 7), (1, 2), (8, 9, 28, 40))))
def test_odd_kernels_are_torchs_own(kernel: int, stride: int, length: int) -> None:
    """As everybody writes them; nothing is padded apart."""
    conv, x = layer(kernel, stride, length), torch.randn(2, 3, length)
    usual = functional.conv1d(x, conv.conv.weight, conv.conv.bias, stride, kernel // 2)
    assert not any(conv.around)
    torch.testing.assert_close(conv(x), usual)


def test_the_odd_zero_comes_first() -> None:
    assert padding(12, 4, 1) == (2, 1)
    assert padding(12, 3, 2) == (1, 0)
    assert padding(13, 3, 2) == (1, 1)
    assert padding(12, 4, 4) == (0, 0)


def test_pools_are_torchs_own() -> None:
    x = torch.randn(2, 3, 8, 9)
    pools = [
        Pool(Node(name="a", operation="pool", choices=(("kernel", 3), ("kind", kind), ("stride", 2))), (3, 8, 9))
        for kind in ("max", "avg")
    ]
    torch.testing.assert_close(pools[0](x), functional.max_pool2d(x, 3, 2, 1))
    torch.testing.assert_close(pools[1](x), functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False))


@pytest.mark.parametrize("kind", ["group", "layer", "rms"])
@pytest.mark.parametrize("examples", [0, 1, 5])
def test_norms_with_all_channels_open_are_norms_without_masks(kind: str, examples: int) -> None:
    torch.manual_seed(0)
    norm, z = Norm(kind, (4, 3, 5)), torch.randn(examples, 4, 3, 5)
    torch.nn.init.normal_(norm.weight)
    torch.testing.assert_close(norm(z), norm(z, torch.ones(4)), atol=1e-5, rtol=1e-5)
