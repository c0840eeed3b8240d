"""The really smaller network of a generated one, and what it costs."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES
from search_spaces import Architecture, Edge, Node, operations
from search_spaces.building import network_of
from search_spaces.network import GraphNetwork, Network
from search_spaces.operations import parameters
from workbench.export.plan import IDENTITY, NodePlan, Plan, make_plan
from workbench.export.pruning import pruned

# dimension names: networks, rows, columns as in workbench.export.plan


def compact(generated: Generated, index: int) -> Network:
    """One network without its closed neurons, closed wires and all else whose removal is exact.

    What goes is listed in `workbench.export.plan`; of networks with other operations than dense layers only what
    closed wires cut off (`workbench.export.pruning`). Outputs are those of ``generated.network(index)`` up to
    float rounding. Its architecture belongs to the space ``compacted`` and has no genome; that of a user's own module
    is one of its space, in which closed layers are skipped.

    Args:
        generated: the networks.
        index: which of them.

    Raises:
        WeightloomError: the network has operations that cannot be compacted.
    """
    architecture = generated.blueprints[index].architecture
    if _is_general(architecture):
        return _without_closed_wires(generated, index)
    plan = make_plan(generated, [index])
    smaller, wires = _smaller(architecture, plan)
    with torch.random.fork_rng(devices=[]):  # the fresh weights are overwritten below
        module = GraphNetwork(smaller, wires)
    module.load_state_dict(_weights(generated.state_dict(index), smaller, plan))
    return module.eval()


def active_parameters(generated: Generated) -> Int[Tensor, " networks"]:
    """Number of scalar parameters that a network needs, without building a module; lower is cheaper.

    Those of the compacted network but for weights that are zero in it: what a file has to hold that names the places
    of its zeros. Biases and norms count whatever their value.
    """
    counts = torch.zeros(len(generated), dtype=torch.long)
    zero = (generated.layout.used & (generated.tokens == 0))[..., LANES:].sum(-1).cpu()
    for architecture, indices in _by_architecture(generated).items():
        if _is_general(architecture):
            for i in indices:
                smaller = pruned(architecture, _closed(generated, i))
                left = {node.name for node in smaller.nodes}
                places = torch.tensor([node.name in left for node in architecture.nodes])
                stays = places[generated.layout.node[i].cpu()]
                counts[i] = parameters(smaller) - (zero[i] * stays).sum()
            continue
        nodes = {node.name: node for node in architecture.nodes}
        for name, part in make_plan(generated, indices).items():
            counts[indices] += part.active + part.neurons * (3 if nodes[name]["norm"] == "layer" else 1)
    return counts


def flops(generated: Generated) -> Int[Tensor, " networks"]:
    """Floating-point operations of one example after compaction: 2 x multiply-adds, see ``operations.flops``.

    Single weights that are zero count, since the compacted matrices are dense.
    """
    counts = torch.zeros(len(generated), dtype=torch.long)
    for architecture, indices in _by_architecture(generated).items():
        if _is_general(architecture):
            for i in indices:
                counts[i] = operations.flops(pruned(architecture, _closed(generated, i)))
        else:
            for part in make_plan(generated, indices).values():
                counts[indices] += 2 * part.weights
    return counts


def _by_architecture(generated: Generated) -> dict[Architecture, list[int]]:
    """Which networks are counted together."""
    groups: dict[Architecture, list[int]] = {}
    for i, blueprint in enumerate(generated.blueprints):
        groups.setdefault(blueprint.architecture, []).append(i)
    return groups


def _is_general(architecture: Architecture) -> bool:
    """Whether only wires can be removed; a module without a space is left to the plan, which refuses it."""
    return architecture.space != "module" and not operations.compactable(architecture)


def _closed(generated: Generated, index: int) -> frozenset[tuple[str, str]]:
    return frozenset(wire for wire, is_open in generated.wires(index).items() if not is_open)


def _without_closed_wires(generated: Generated, index: int) -> Network:
    smaller = pruned(generated.blueprints[index].architecture, _closed(generated, index))
    with torch.random.fork_rng(devices=[]):  # the fresh weights are overwritten below
        module = network_of(smaller)
    state = generated.state_dict(index)
    return module.load({name: state[name] for name, _ in module.named_parameters()}).eval()


def _smaller(architecture: Architecture, plan: Plan) -> tuple[Architecture, dict[str, list[list[int]]]]:
    """The graph of what stays and the wires between its nodes."""
    first = architecture.nodes[0]
    nodes, edges, wires = [first], [], {}
    for node in architecture.nodes[1:]:
        part = plan.get(node.name)
        if part is None or not bool(part.keep.any()):
            continue
        incoming = _incoming(part, plan) or [(first.name, [0])]  # a network has to read something
        seen: set[str] = set()
        for i, (source, _) in enumerate(incoming):
            if source in seen:  # a second way from there (by a contracted identity) needs a node between
                name = _free(f"{source}_to_{node.name}_{i}", architecture)
                nodes.append(Node(name=name, operation=IDENTITY))
                edges.append(Edge(source=source, target=name))
                source = name
            seen.add(source)
            edges.append(Edge(source=source, target=node.name, kind="skip" if i else "main"))
        choices = {**dict(node.choices), "width": int(part.keep[0].sum())}
        nodes.append(Node(name=node.name, operation=node.operation, choices=tuple(sorted(choices.items()))))
        wires[node.name] = [wire for _, wire in incoming]
    return Architecture(space="compacted", nodes=tuple(nodes), edges=tuple(edges)), wires


def _incoming(part: NodePlan, plan: Plan) -> list[tuple[str, list[int]]]:
    """Each feed that still brings something: its source and, per input position, what it takes from there."""
    columns = torch.nonzero(part.columns[0]).flatten().tolist()
    found = []
    for feed, carries in zip(part.feeds, part.carries, strict=True):
        if bool(carries.any()):
            source = plan.get(feed.source)
            place = torch.arange(feed.limit) if source is None else source.keep[0].cumsum(0) - 1
            brought = carries[0].tolist()
            found.append((feed.source, [int(place[p]) if p < feed.limit and brought[p] else -1 for p in columns]))
    return found


def _free(name: str, architecture: Architecture) -> str:
    taken = {node.name for node in architecture.nodes}
    while name in taken:
        name += "_"
    return name


def _weights(state: dict[str, Tensor], smaller: Architecture, plan: Plan) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for node in smaller.nodes[1:]:
        part = plan.get(node.name)
        if part is None:
            continue
        keep, columns = part.keep[0], part.columns[0]
        linear = state[f"{node.name}.linear.weight"].detach().cpu()[keep][:, columns]
        weights[f"{node.name}.linear.weight"] = linear if linear.shape[1] else torch.zeros(len(linear), 1)
        weights[f"{node.name}.linear.bias"] = part.bias[0][keep]
        if node["norm"] == "layer":
            for name in ("weight", "bias"):
                weights[f"{node.name}.norm.{name}"] = state[f"{node.name}.norm.{name}"].detach().cpu()[keep]
    return weights
