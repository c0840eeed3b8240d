"""How a graph, whole or not, stands to rules: one pass from the data on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from search_spaces.architecture import Edge, Node
from search_spaces.operations import Shape, operation_of
from search_spaces.operations.foreign import tensors
from search_spaces.rules.rules import LOOKED_THROUGH, WORK, Rules


class Standing:
    """What rules ask about of a graph.

    Args:
        nodes: in topological order, each behind all that it reads.
        edges: between them.
        shapes: output shape of every node.

    Attributes:
        depth: of every node, see `Forbidden`.
        stage: of every node.
        parameters, flops: of all nodes together.
    """

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge], shapes: Mapping[str, Shape]) -> None:
        self.nodes, self.shapes = nodes, shapes
        self.sources: dict[str, list[Edge]] = {node.name: [] for node in nodes}
        for edge in edges:
            if edge.target in self.sources:  # a join's wires come before the join
                self.sources[edge.target].append(edge)
        self.depth: dict[str, int] = {}
        self.stage: dict[str, int] = {}
        self.parameters = self.flops = 0
        behind: dict[str, int] = {}  # the stage of what reads a node
        for node in nodes:
            read = [edge.source for edge in self.sources[node.name]]
            self.depth[node.name] = max((self.depth[name] for name in read), default=0) + counts(node)
            self.stage[node.name] = max((behind[name] for name in read), default=1)
            behind[node.name] = self.stage[node.name]
            if read:
                main = next(edge.source for edge in self.sources[node.name] if edge.kind == "main")
                operation = operation_of(node)
                self.parameters += operation.parameters(node, shapes[main])
                self.flops += operation.flops(node, shapes[main])
                behind[node.name] += _fewer(shapes[node.name], shapes[main])

    def may_keep(self, rules: Rules) -> bool:
        """Whether the graph keeps all rules that more nodes cannot mend.

        Whatever has positions still needs a layer that turns them into classes, so its depth is one more at least.
        """
        deepest = max(depth + (len(self.shapes[name]) > 1) for name, depth in self.depth.items())
        return (
            not any(self._breaks(node, rules) for node in self.nodes)
            and deepest <= (rules.max_depth or deepest)
            and self.parameters <= (rules.max_parameters or self.parameters)
            and self.flops <= (rules.max_flops or self.flops)
        )

    def distance(self, rules: Rules) -> float:
        """How far the whole graph is from keeping all rules: 0 if it does.

        Nodes that are forbidden, missing or in the wrong place, layers too many or too few, and the logarithm of how
        many times a budget is exceeded, all added up: a search goes where it falls.
        """
        depth = self.depth[self.nodes[-1].name]
        there = {node.operation for node in self.nodes}
        return (
            sum(self._breaks(node, rules) for node in self.nodes)
            + sum(word not in there for word in rules.contain)
            + (0 if rules.end_in is None else self._wrong_ends(rules.end_in))
            + max(0, (rules.min_depth or depth) - depth, depth - (rules.max_depth or depth))
            + _excess(self.parameters, rules.max_parameters)
            + _excess(self.flops, rules.max_flops)
        )

    def _breaks(self, node: Node, rules: Rules) -> bool:
        return any(
            node.operation == forbidden.operation
            and (
                not forbidden.before
                or (self.depth if forbidden.unit == "depth" else self.stage)[node.name] < forbidden.before
            )
            for forbidden in rules.forbid
        )

    def _wrong_ends(self, operation: str) -> int:
        """How many nodes come last without being ``operation``."""
        kinds = {node.name: node.operation for node in self.nodes}
        pending = [edge.source for edge in self.sources[self.nodes[-1].name]]
        seen: set[str] = set()
        wrong = 0
        while pending:
            name = pending.pop()
            if name in seen or kinds[name] == operation:
                continue
            seen.add(name)
            if kinds[name] in LOOKED_THROUGH and self.sources[name]:
                pending += [edge.source for edge in self.sources[name]]
            else:
                wrong += 1
        return wrong


def _excess(got: int, most: int | None) -> float:
    return math.log(got / most) if most is not None and got > most else 0.0


def counts(node: Node) -> bool:
    """Whether a node counts for depth."""
    return node.operation in WORK and (node.operation != "layer" or bool(tensors(node)))


def _fewer(now: Shape, before: Shape) -> bool:
    """Whether a sequence or image lost positions."""
    return len(now) == len(before) > 1 and any(a < b for a, b in zip(now[1:], before[1:], strict=True))
