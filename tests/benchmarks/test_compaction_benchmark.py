"""The networks of the compaction benchmark, small."""

import numpy as np
import pytest
import torch

from benchmarks import compaction
from search_spaces import SPACES, operations
from workbench.export import compact


def test_networks_are_large_enough_to_matter() -> None:
    for architecture in compaction.architectures().values():
        assert operations.parameters(architecture) > 2_000_000


@pytest.mark.parametrize("how", ["random", "magnitude"])
def test_zeros_in_place_of_closed_channels_change_nothing(how: str) -> None:
    """The plain network that is timed computes what the masked one does."""
    space = SPACES.load("conv2d")(inputs=64, outputs=3, shape=(1, 8, 8), norms=("none",), activations=("relu",))
    networks = compaction.closed(compaction.emitted(space.sample(np.random.default_rng(2))), how, 0.4)
    plain = compaction.GraphNetwork(networks.blueprints[0].architecture).load(networks.state_dict(0))
    x = torch.randn(3, 64)
    torch.testing.assert_close(plain(x), networks.network(0)(x))
    torch.testing.assert_close(compact(networks, 0)(x), plain(x), atol=1e-6, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_csr_matrices_compute_the_same() -> None:
    space = SPACES.load("mlp")(inputs=12, outputs=3, depths=(2,), activations=("relu",), norms=("none",))
    genome = {**space.genome(space.sample(np.random.default_rng(0))), "skip_1": False}
    networks = compaction.emitted(space.from_genome(genome))
    plain = compaction.GraphNetwork(networks.blueprints[0].architecture).load(networks.state_dict(0))
    x = torch.randn(5, 12)
    torch.testing.assert_close(compaction.SparseMLP(plain)(x), plain(x))
