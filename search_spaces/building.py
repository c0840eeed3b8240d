"""From an architecture to the network that runs it, whoever wrote its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.architecture import Architecture
from search_spaces.network import GraphNetwork, Network
from search_spaces.operations import is_foreign


def network_of(architecture: Architecture, chosen: Mapping[str, Sequence[int]] | None = None) -> Network:
    """A network with fresh weights: from the graph, or from the code of the space that a user's module belongs to.

    Args:
        architecture: checked here.
        chosen: of a compacted network, see `GraphNetwork`.

    Raises:
        WeightloomError: the graph is no valid one, its space is not installed, or the space makes another one.
    """
    if is_foreign(architecture):
        from search_spaces.module import space_of

        return space_of(architecture).network(architecture)
    return GraphNetwork(architecture, chosen)
