"""What dense networks do, node by node, read once from each architecture."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from search_spaces import Architecture
from search_spaces.operations import width_of

NO_WIRE, MAIN, SKIP = -3, -2, -1
"""In the place of an optional edge's number: no wire at all, and one that is always there."""


class Step(NamedTuple):
    """One node: neurons, inputs, what is added up as input, and its work.

    ``sources`` holds a value and the number of its optional edge, below 0 for none, the main wire first. Value 0 is
    the data, value j that of node j.
    """

    width: int
    inputs: int
    sources: tuple[tuple[int, int], ...]
    normed: bool
    activation: str


class Table(NamedTuple):
    """The same as numbers.

    Attributes:
        data: values of an example.
        steps: per node its width, inputs and whether it has a norm.
        wires: per wire the node it ends in, the value it reads and its number, as in `Step`.
        activations: per node.
    """

    data: int
    steps: Int[np.ndarray, "nodes 3"]
    wires: Int[np.ndarray, "wires 3"]
    activations: tuple[str, ...]


@lru_cache(maxsize=65536)
def program(graph: Architecture) -> tuple[Step, ...]:
    """A step for each node but the data; all must be dense."""
    place = {node.name: i for i, node in enumerate(graph.nodes)}
    gate = {edge: k for k, edge in enumerate(graph.optional_edges)}
    steps = []
    for node in graph.nodes[1:]:
        edges = graph.edges_into(node.name)
        numbers = [gate.get(edge, MAIN if edge.kind == "main" else SKIP) for edge in edges]
        steps.append(
            Step(
                width=int(node["width"]),
                inputs=width_of(graph, edges[0].source),
                sources=tuple((place[edge.source], number) for edge, number in zip(edges, numbers, strict=True)),
                normed=node["norm"] == "layer",
                activation=str(node["activation"]),
            )
        )
    return tuple(steps)


@lru_cache(maxsize=65536)
def table(graph: Architecture) -> Table:
    """Of ``program``."""
    steps = program(graph)
    wires = [(i, source, number) for i, step in enumerate(steps, start=1) for source, number in step.sources]
    return Table(
        data=int(graph.nodes[0]["width"]),
        steps=np.array([(step.width, step.inputs, step.normed) for step in steps], dtype=np.int64),
        wires=np.array(wires, dtype=np.int64),
        activations=tuple(step.activation for step in steps),
    )
