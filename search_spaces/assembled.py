"""Spaces whose architectures are put together node by node, so that one can be looked at before it is whole."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from typing import final

from search_spaces.architecture import Architecture, Genome
from search_spaces.assembly import Assembly
from search_spaces.space import SearchSpace


class AssembledSpace(SearchSpace):
    """A space that says what to add to a graph, gene after gene; see ``SearchSpace`` for the rest.

    ``assemble`` reads a gene as ``genome[name]`` where it needs it, and never asks whether there is one: what was
    added before a gene is missing is then part of every architecture whose genome goes on from there. So rules are
    enforced, and budgets kept, while an architecture is emitted (`search_spaces.rules`).
    """

    @abstractmethod
    def assemble(self, graph: Assembly, genome: Genome) -> None:
        """Add all nodes and wires of a valid genome; must be a pure function of it, and leave no node unread."""

    @final
    def compose(self, genome: Genome) -> Architecture:
        """The architecture of a valid genome."""
        graph = Assembly(self.shape)
        self.assemble(graph, genome)
        return graph.finish(self.name, genome)

    @final
    def begun(self, genome: Genome) -> Assembly:
        """What is certain of the graph when only the first genes of a walk are known."""
        graph = Assembly(self.shape)
        with contextlib.suppress(KeyError):  # the first gene that is not decided
            self.assemble(graph, genome)
        return graph
