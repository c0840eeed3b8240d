"""The really smaller network of a generated one, and what it costs."""

from __future__ import annotations

import torch
from jaxtyping import Int

from generators.generated import Generated
from generators.tokens import LANES
from search_spaces import Architecture, WeightloomError, operations
from search_spaces.architecture import describe
from search_spaces.building import network_of
from search_spaces.module import space_of
from search_spaces.network import Network
from search_spaces.operations import is_foreign, parameters
from workbench.export.channels import Shrunk, shrink_network

# dimension names: networks


def compact(generated: Generated, index: int) -> Network:
    """One network without its closed neurons, channels and wires and all else whose removal is exact.

    What goes is listed at `shrink_network`. Outputs are those of ``generated.network(index)`` up to float rounding.
    Its architecture belongs to the space ``compacted`` and has no genome; that of a user's own module is one of its
    space, in which closed layers are skipped, and nothing else is removed.

    Args:
        generated: the networks.
        index: which of them.

    Raises:
        WeightloomError: it is a module without a space.
    """
    if not is_foreign(generated.blueprints[index].architecture):
        return shrunk(generated, index).network()
    with torch.random.fork_rng(devices=[]):  # the fresh weights are overwritten below
        module = network_of(_skipped(generated, index))
    state = generated.state_dict(index)
    return module.load({name: state[name] for name, _ in module.named_parameters()}).eval()


def shrunk(generated: Generated, index: int) -> Shrunk:
    """What `compact` builds, of a network of our own operations."""
    state, neurons = generated.state_dict(index), generated.neurons(index)
    return shrink_network(generated.blueprints[index].architecture, state, neurons, generated.closed_wires(index))


def active_parameters(generated: Generated) -> Int[torch.Tensor, " networks"]:
    """Number of scalar parameters that a network needs, without building a module; lower is cheaper.

    Those of the compacted network but for weights that are zero in it: what a file has to hold that names the places
    of its zeros. Biases and norms count whatever their value.
    """
    return costs(generated)[0]


def flops(generated: Generated) -> Int[torch.Tensor, " networks"]:
    """Floating-point operations of one example after compaction: 2 x multiply-adds, see ``operations.flops``.

    Single weights that are zero count, since the compacted matrices are dense.
    """
    return costs(generated)[1]


def costs(generated: Generated) -> tuple[Int[torch.Tensor, " networks"], Int[torch.Tensor, " networks"]]:
    """`active_parameters` and `flops` at the price of one; counted by the processor."""
    generated = generated.to("cpu")
    found: list[tuple[int, int]] = []
    whole: dict[Architecture, tuple[int, int]] = {}
    for i, (blueprint, full) in enumerate(zip(generated.blueprints, _full(generated), strict=True)):
        if is_foreign(blueprint.architecture):
            found.append(_foreign_costs(generated, i))
        elif full and blueprint.architecture in whole:
            found.append(whole[blueprint.architecture])
        else:
            smaller = shrunk(generated, i)
            zeros = sum(int((tensor == 0).sum()) for tensor in smaller.state.values() if tensor.dim() > 1)
            found.append((parameters(smaller.architecture) - zeros, operations.flops(smaller.architecture)))
            if full:
                whole[blueprint.architecture] = found[-1]
    active, operations_ = torch.tensor(found, dtype=torch.long).unbind(1)
    return active, operations_


def _full(generated: Generated) -> list[bool]:
    """Whether nothing of a network is closed or 0: such networks of one architecture shrink alike, or not at all."""
    empty = (generated.layout.used & (generated.tokens == 0)).flatten(1).any(1)
    closed = (generated.layout.real & (generated.open_neurons <= 0.5)).any(1)
    cut = (generated.layout.edge_real & (generated.gates <= 0.5)).any(1)
    zeros = [any(node.operation == "zero" for node in b.architecture.nodes) for b in generated.blueprints]
    return [not (a or b) for a, b in zip((empty | closed | cut).tolist(), zeros, strict=True)]


def _foreign_costs(generated: Generated, index: int) -> tuple[int, int]:
    architecture, smaller = generated.blueprints[index].architecture, _skipped(generated, index)
    left = {node.name for node in smaller.nodes}
    places = torch.tensor([node.name in left for node in architecture.nodes])
    zero = (generated.layout.used[index] & (generated.tokens[index] == 0))[:, LANES:].sum(-1).cpu()
    stays = places[generated.layout.node[index].cpu()]
    return parameters(smaller) - int((zero * stays).sum()), operations.flops(smaller)


def _skipped(generated: Generated, index: int) -> Architecture:
    """A user's own module in which layers with a closed wire are skipped for good."""
    architecture = generated.blueprints[index].architecture
    if architecture.space == "module":
        raise WeightloomError(
            f"compaction: node {architecture.nodes[1].name!r}: expected a network of a search space, got "
            f"{describe(architecture.nodes[1])!r} of a module without one; make a space of it (see ModuleSpace)"
        )
    return space_of(architecture).without(architecture, generated.closed_wires(index))
