"""What emits architectures: operations and wiring of any search space from a latent, under a budget and rules."""

from generators.topology.generator import TopologyConfig, TopologyGenerator, budget
from generators.topology.saving import load_topology, save_topology, topology_digest
from generators.topology.walking import Steps

__all__ = [
    "Steps",
    "TopologyConfig",
    "TopologyGenerator",
    "budget",
    "load_topology",
    "save_topology",
    "topology_digest",
]
