"""Networks too large to hold: their rows are emitted a window at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from generators.token_groups import LANES, TokenGroup, token_groups
from search_spaces import Blueprint, ParameterSpec

# dimension names: rows of a group of parameters, chunks = tokens of one row, entries as in generators.tokens

WINDOW = 2**21
"""Numbers emitted at once; what is emitted depends on it in the last bits, so it is fixed."""

RowEmitter = Callable[[TokenGroup, int, int], Float[Tensor, "rows chunks entries"]]
"""Values in natural units of the rows from one number to another of a group; entries at the end that no row uses may
be left out."""


class Piece(NamedTuple):
    """Some rows of a parameter, the first of which is row ``start``."""

    spec: ParameterSpec
    start: int
    values: Tensor


class Streamed(ABC):
    """A family whose tokens do not read each other, so that any rows of a network can be emitted alone."""

    @abstractmethod
    def opened(self, blueprint: Blueprint, seed: int) -> RowEmitter:
        """What emits the rows of one dense network.

        Raises:
            WeightloomError: with these settings rows cannot be emitted alone.
        """


def pieces(emit: RowEmitter, group: TokenGroup) -> Iterator[Piece]:
    """All parameters of a group, window after window; every row of a parameter once.

    The same numbers as ``Generator.generate`` gives for the network, up to rounding in the last bits.
    """
    used, centre, scale = group.row
    unit = scale * used
    step = max(1, WINDOW // (group.chunks * min(LANES + group.total, used.shape[1])))
    for start in range(0, group.rows, step):
        stop = min(group.rows, start + step)
        with torch.no_grad():
            values = emit(group, start, stop).cpu()
            own = slice(values.shape[-1])
            tokens = torch.addcmul(centre[:, own], unit[:, own], values, out=values)
        numbers = tokens[..., LANES:].flatten(1)
        for spec in group.specs:
            if spec.name in group.lanes:
                own_numbers = tokens[:, 0, group.lanes[spec.name]]
            else:
                columns = group.columns[spec.name]
                own_numbers = numbers[:, columns.start : columns.stop]
            yield Piece(spec, start, own_numbers.reshape(stop - start, *spec.shape[1:]))


def stream(streamed: Streamed, blueprint: Blueprint, seed: int, width: int) -> Iterator[Piece]:
    """Every parameter of a network.

    Args:
        streamed: the generator.
        blueprint: of the network, which may have any size.
        seed: of the latent.
        width: of the generator's tokens.
    """
    emit = streamed.opened(blueprint, seed)
    for group in token_groups(blueprint, width):
        yield from pieces(emit, group)


def gathered(streamed: Streamed, blueprint: Blueprint, seed: int, width: int) -> dict[str, Tensor]:
    """All of them as whole tensors: for networks too large for a layout of every number, but not for memory."""
    state = {spec.name: torch.empty(spec.shape) for spec in blueprint.parameters}
    for spec, start, values in stream(streamed, blueprint, seed, width):
        whole = state[spec.name]
        if whole.dim():
            whole[start : start + len(values)] = values
        else:
            whole.copy_(values[0])
    return state
