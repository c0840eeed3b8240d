"""A relaxed space: one network in which the options of choices sit side by side, each behind a gate from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, final, runtime_checkable

from search_spaces.architecture import Architecture, Edge, Genome, Value
from search_spaces.assembly import Assembly
from search_spaces.choices import Choice
from search_spaces.operations import Shape

Chance = Callable[..., Any]
"""``chance(gene, option, ...)``: the probability that the gene has one of these options, as a number or a tensor."""
Gate = Callable[[Chance], Any]
"""How far a wire is open, 0 to 1, from the chances of options; 0 or 1 if these are. Products and sums only, so that
floats and tensors, with gradients, serve alike."""


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """A supernet and what its gates mean (compare DARTS, Liu et al. 2019, arXiv:1806.09055, section 2.2).

    With a one-hot choice for each gene it computes exactly what the space's architecture of that genome does with the
    same weights. A node ``NAME`` of that architecture is ``NAME`` in the supernet too, or ``NAME__OPTION`` where its
    parameters are there for some options only.

    Attributes:
        architecture: the supernet.
        gates: one for each of its optional wires, in their order.
        choices: the relaxed genes.
        held: all other genes, which are as in the genome that was relaxed.
    """

    architecture: Architecture
    gates: tuple[Gate, ...]
    choices: tuple[Choice, ...]
    held: tuple[tuple[str, Value], ...]

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Nodes whose parameters are there for some options only."""
        return tuple(node.name for node in self.architecture.nodes if "__" in node.name)

    def genome(self, chosen: Genome) -> dict[str, Value]:
        """The whole genome for an option of each relaxed gene."""
        return dict(self.held) | {choice.name: chosen[choice.name] for choice in self.choices}


@runtime_checkable
class Relaxable(Protocol):
    """A space that has a relaxation."""

    def relax(self, genome: Genome) -> Relaxation:
        """Of the genes that can be relaxed; the others are held as they are in ``genome``, a valid one."""
        ...


@final
class Supernet(Assembly):
    """An assembly whose optional wires may have gates; see ``Assembly``. Those without one are open."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._gates: dict[Edge, Gate] = {}

    def mix(self, name: str, wires: Sequence[tuple[str, Gate]], fixed: str | None = None) -> str:
        """The sum of values behind gates and of a ``fixed`` one, or of zeros, which a sum of closed wires needs."""
        base = self.add(f"{name}_zero", "zero", wires[0][0]) if fixed is None else fixed
        start = len(self.edges)
        self.add(name, "add", base, optional=[source for source, _ in wires])
        added = [edge for edge in self.edges[start:] if edge.optional]
        self._gates |= {edge: gate for edge, (_, gate) in zip(added, wires, strict=True)}
        return name

    def gated_skip(self, source: str, target: str, gate: Gate) -> None:
        """A skip wire behind a gate."""
        self.skip(source, target)
        self._gates[self.edges[-1]] = gate

    def relaxation(self, space: str, choices: Sequence[Choice], genome: Genome) -> Relaxation:
        """What was put together, with ``choices`` relaxed and the other genes of ``genome`` held."""
        relaxed = {choice.name for choice in choices}
        architecture = self.finish(f"{space} relaxed", {})
        return Relaxation(
            architecture=architecture,
            gates=tuple(self._gates.get(edge, always) for edge in architecture.optional_edges),
            choices=tuple(choices),
            held=tuple(sorted((gene, value) for gene, value in genome.items() if gene not in relaxed)),
        )


def when(gene: str, *options: Value) -> Gate:
    """Open if the gene has one of the options."""
    return lambda chance: chance(gene, *options)


def both(first: Gate, second: Gate) -> Gate:
    """Open if both are."""
    return lambda chance: first(chance) * second(chance)


def always(chance: Chance) -> float:
    """Open."""
    return 1.0


def one_hot(genome: Genome) -> Chance:
    """The chances of a genome: 1.0 for its own options, 0.0 for all others."""
    return lambda gene, *options: float(genome[gene] in options)


def discrete(relaxation: Relaxation, genome: Genome) -> Architecture:
    """The supernet without closed wires and what only they lead to: as the space's own, but for the names of nodes."""
    graph = relaxation.architecture
    gates = [gate(one_hot(genome)) for gate in relaxation.gates]
    closed = {edge for edge, gate in zip(graph.optional_edges, gates, strict=True) if not gate}
    zeros = {node.name for node in graph.nodes if node.operation == "zero"}
    into: dict[str, list[Edge]] = {node.name: [] for node in graph.nodes}
    for edge in graph.edges:
        if edge not in closed:
            into[edge.target].append(edge)
    for name, edges in into.items():
        into[name] = [edge for edge in edges if edge.source not in zeros] or edges
    reached = {graph.nodes[-1].name}
    for node in reversed(graph.nodes):
        if node.name in reached:
            reached |= {edge.source for edge in into[node.name]}
    return Architecture(
        space=graph.space,
        nodes=tuple(node for node in graph.nodes if node.name in reached or node is graph.nodes[0]),
        edges=tuple(replace(edge, optional=False) for name in into if name in reached for edge in into[name]),
        genome=tuple(sorted(genome.items())),
    )


def used(relaxation: Relaxation, gates: Sequence[Any]) -> Mapping[str, Any]:
    """For each node how far it counts for the output: 1 if a way of open wires leads there, 0 if none.

    In between it is the chance that some wire out of it leads on, as if wires were open independently.

    Args:
        relaxation: the supernet.
        gates: of its optional wires, 0 to 1, numbers or tensors.
    """
    graph = relaxation.architecture
    open_by = dict(zip(((e.source, e.target) for e in graph.optional_edges), gates, strict=True))
    found: dict[str, Any] = {graph.nodes[-1].name: 1.0}
    for node in reversed(graph.nodes[:-1]):
        unused: Any = 1.0
        for edge in graph.edges:
            if edge.source == node.name:
                unused = unused * (1.0 - open_by.get((edge.source, edge.target), 1.0) * found[edge.target])
        found[node.name] = 0.0 if node.operation == "zero" else 1.0 - unused  # whoever reads zeros counts for nothing
    return found
