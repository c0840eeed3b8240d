"""An architecture: an immutable typed graph, its JSON form and its canonical key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from search_spaces.canonical import canonical_key
from search_spaces.errors import WeightloomError
from search_spaces.plain_data import parse_json

SCHEMA = 1
MOST_NODES, MOST_EDGES = 5000, 50_000
"""More are a hostile file: a residual network of 150 layers has some hundreds."""
Value = int | float | str | bool
Genome = Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operation of an architecture.

    Attributes:
        name: unique within the architecture; it is also the name of the module that is built for it.
        operation: a name in ``search_spaces.operations.OPERATIONS``, or in ``FOREIGN`` for a user's own module.
        choices: the operation's settings; kept sorted by name.
    """

    name: str
    operation: str
    choices: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(sorted(self.choices)))

    def __getitem__(self, choice: str) -> Value:
        return dict(self.choices)[choice]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A wire from one node to another.

    Attributes:
        source, target: node names.
        kind: ``main`` decides the width of the target's input; ``skip`` is resized to it and added.
        optional: whether a generator may close the wire by a gate.
    """

    source: str
    target: str
    kind: Literal["main", "skip"] = "main"
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A directed acyclic graph of typed nodes; the first node is the input, the last the output.

    Attributes:
        space: name of the search space that it belongs to (``module`` for a module without one).
        nodes: in topological order.
        edges: every edge goes from an earlier to a later node.
        genome: the choices that the space composed it from, sorted by name; empty if there is no space.
    """

    space: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    genome: tuple[tuple[str, Value], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.nodes:
            raise WeightloomError("architecture: expected at least one node, got none")
        if len(self.nodes) > MOST_NODES or len(self.edges) > MOST_EDGES:
            raise WeightloomError(
                f"architecture: expected at most {MOST_NODES} nodes and {MOST_EDGES} edges, got {len(self.nodes)} and "
                f"{len(self.edges)}; use a smaller graph"
            )
        order = {node.name: i for i, node in enumerate(self.nodes)}
        if len(order) != len(self.nodes):
            raise WeightloomError(f"architecture: node names must be unique, got {[n.name for n in self.nodes]}")
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in order:
                    raise WeightloomError(
                        f"architecture: edge {edge.source} -> {edge.target} names node {end!r}; "
                        f"nodes are {', '.join(order)}"
                    )
            if order[edge.source] >= order[edge.target]:
                raise WeightloomError(
                    f"architecture: edge {edge.source} -> {edge.target} closes a cycle or points backwards; "
                    "list nodes in topological order"
                )

    @cached_property
    def _hash(self) -> int:
        return hash((self.space, self.nodes, self.edges))

    def __hash__(self) -> int:
        return self._hash  # caches ask for it at every step

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}  # differs between processes

    @cached_property
    def key(self) -> str:
        """Sixteen hex digits, equal for two architectures exactly if they are the same typed graph.

        Compared after nodes on no path from input to output are removed and identities are contracted;
        names of nodes and of the space do not count. Chance makes two different ones equal once in 2^64.
        """
        return canonical_key(
            [(n.name, (n.operation, *n.choices)) for n in self.nodes],
            [(e.source, e.target, (e.kind, e.optional)) for e in self.edges],
        )

    @cached_property
    def optional_edges(self) -> tuple[Edge, ...]:
        """The wires that a gate may close, in the order of ``edges``."""
        return tuple(edge for edge in self.edges if edge.optional)

    def edges_into(self, name: str) -> tuple[Edge, ...]:
        """Edges whose target is the node called ``name``, main ones first."""
        return tuple(sorted((e for e in self.edges if e.target == name), key=lambda e: e.kind))

    def __str__(self) -> str:
        inner = " ".join(describe(node) for node in self.nodes[1:-1])
        skips = "".join(f" {e.source}~{e.target}" for e in self.edges if e.kind == "skip")
        return f"{self.space}[{inner}{skips}]"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, with its schema version."""
        return {
            "schema": SCHEMA,
            "space": self.space,
            "genome": dict(self.genome),
            "nodes": [{"name": n.name, "operation": n.operation, "choices": dict(n.choices)} for n in self.nodes],
            "edges": [
                {"source": e.source, "target": e.target, "kind": e.kind, "optional": e.optional} for e in self.edges
            ],
        }

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Read ``to_json``'s form.

        Raises:
            WeightloomError: not JSON, another schema version, or a missing or malformed key.
        """
        try:
            data = parse_json(text)
        except (ValueError, TypeError) as error:  # ValueError also for a number of 5,000 digits
            raise WeightloomError(f"architecture: expected JSON, got {text[:40]!r} ({error})") from None
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Any) -> Architecture:
        """Read ``to_dict``'s form; raises like ``from_json``."""
        if not isinstance(data, dict) or data.get("schema") != SCHEMA or isinstance(data["schema"], bool):
            got = data.get("schema") if isinstance(data, dict) else type(data).__name__
            raise WeightloomError(f"architecture: expected an object with schema {SCHEMA}, got {got!r}")
        try:
            return cls(
                space=_typed(data["space"], str, "space"),
                nodes=tuple(
                    Node(
                        name=_typed(n["name"], str, "node name"),
                        operation=_typed(n["operation"], str, "operation"),
                        choices=_pairs(n["choices"]),
                    )
                    for n in _typed(data["nodes"], list, "nodes")
                ),
                edges=tuple(
                    Edge(
                        source=_typed(e["source"], str, "edge source"),
                        target=_typed(e["target"], str, "edge target"),
                        kind=_kind(e["kind"]),
                        optional=_typed(e["optional"], bool, "optional"),
                    )
                    for e in _typed(data["edges"], list, "edges")
                ),
                genome=_pairs(data["genome"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise WeightloomError(f"architecture: missing or malformed key {error}; see docs/formats.md") from None


def describe(node: Node) -> str:
    """A node in a few characters: its operation and the values of its choices; of a user's layer its class."""
    kind = dict(node.choices).get("kind")
    if node.operation == "layer" and kind is not None:
        return str(kind)
    return f"{node.operation}({','.join(str(value) for _, value in node.choices)})"


def _typed(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise WeightloomError(f"architecture: {what} must be {kind.__name__}, got {value!r}")
    return value


def _kind(value: Any) -> Literal["main", "skip"]:
    if value not in ("main", "skip"):
        raise WeightloomError(f"architecture: kind of an edge must be 'main' or 'skip', got {value!r}")
    return "skip" if value == "skip" else "main"


def _pairs(mapping: Any) -> tuple[tuple[str, Value], ...]:
    if not isinstance(mapping, dict) or not all(_plain(value) for value in mapping.values()):
        raise WeightloomError(
            f"architecture: choices must be an object of words, truth values and finite numbers, got {mapping!r}"
        )
    return tuple(sorted(mapping.items()))


def _plain(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63
    return isinstance(value, str | bool)
