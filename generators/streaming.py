"""Networks too large to hold: their rows are emitted a window at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from generators.token_groups import LANES, TokenGroup, Window, token_groups
from search_spaces import Blueprint, ParameterSpec

# dimension names: rows of a group of parameters, chunks = tokens of one row, entries as in generators.tokens

WINDOW = 2**21
"""Numbers emitted at once; what is emitted depends on it in the last bits, so it is fixed."""


TOGETHER = 2**14
"""Tokens at most of which the first factor is made in one pass, where a network is held as a whole: of many layers."""


class RowEmitter(ABC):
    """Emits any rows of one dense network: values in natural units, as the product of two factors."""

    @abstractmethod
    def rows(self, windows: Sequence[Window]) -> list[Float[Tensor, "rows chunks factors"]]:
        """What depends on the row, in one pass for all windows; the last factor is 1."""

    @abstractmethod
    def entries(self, group: TokenGroup) -> Float[Tensor, "factors entries"]:
        """What all rows share; entries at the end that no row uses may be left out."""


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


def pieces(emitter: RowEmitter, group: TokenGroup) -> Iterator[Piece]:
    """All parameters of a group, window after window; every row of a parameter once.

    The same numbers as ``Generator.generate`` gives for the network, up to rounding in the last bits. Units and
    centres go into the factor that is smallest, so that the product is all that is written.

    Args:
        emitter: of the network.
        group: of its parameters.
    """
    with torch.no_grad():
        right = _in_units(emitter.entries(group), group)
    for window in _windows(group):
        with torch.no_grad():
            found = _emitted(emitter.rows([window])[0], right, group, [None] * len(group.specs))
        for spec, values in zip(group.specs, found, strict=True):
            yield Piece(spec, window.start, values.view(window.rows, *spec.shape[1:]))


def _windows(group: TokenGroup) -> list[Window]:
    """All rows of a group."""
    step = max(1, WINDOW // (group.chunks * group.entries))
    return [Window(group, start, min(group.rows, start + step)) for start in range(0, group.rows, step)]


def _in_units(entries: Float[Tensor, "factors entries"], group: TokenGroup) -> Float[Tensor, "chunks factors entries"]:
    """Each token's own factor, with its units; centres go to the factor that is 1 on the other side."""
    used, centre, scale = (part[:, : entries.shape[1]].to(entries.device) for part in group.row)
    found = entries * (scale * used)[:, None]
    found[:, -1] += centre
    return found


def _emitted(
    left: Float[Tensor, "rows chunks factors"],
    right: Float[Tensor, "chunks factors entries"],
    group: TokenGroup,
    places: Sequence[Tensor | None],
) -> list[Tensor]:
    """Rows of every parameter ``[rows, numbers]``, where they are to lie or in new memory."""
    found = []
    whole = _cut(left, right) if group.chunks > 1 else None
    for spec, place in zip(group.specs, places, strict=True):
        if spec.name in group.lanes:
            lane = group.lanes[spec.name]
            found.append(_product(left[:, 0], right[0, :, lane : lane + 1], place))
            continue
        columns = group.columns[spec.name]
        if whole is None:
            own = slice(LANES + columns.start, LANES + columns.stop)
            found.append(_product(left[:, 0], right[0, :, own], place))
        else:
            values = whole[:, columns.start : columns.stop]
            found.append(values.contiguous() if place is None else place.copy_(values))
    return found


def _cut(
    left: Float[Tensor, "rows chunks factors"], right: Float[Tensor, "chunks factors entries"]
) -> Float[Tensor, "rows numbers"]:
    """All numbers of rows that are cut into several tokens."""
    return (left.transpose(0, 1) @ right[..., LANES:]).transpose(0, 1).flatten(1).cpu()


def _product(
    left: Float[Tensor, "rows factors"], right: Float[Tensor, "factors numbers"], place: Tensor | None
) -> Float[Tensor, "rows numbers"]:
    if place is not None and left.device == place.device:
        return torch.mm(left, right, out=place)
    found = (left @ right).cpu()
    return found if place is None else place.copy_(found)


def gathered(streamed: Streamed, blueprint: Blueprint, seed: int, width: int) -> dict[str, Tensor]:
    """All parameters as whole tensors: for networks too large for a layout of every number, but not for memory.

    The same as ``pieces`` up to rounding in the last bits.

    Args:
        streamed: the generator.
        blueprint: of the network.
        seed: of the latent.
        width: of the generator's tokens.
    """
    state = {spec.name: torch.empty(spec.shape) for spec in blueprint.parameters}
    emitter = streamed.opened(blueprint, seed)
    right = torch.empty(0)
    for windows in _bunches(token_groups(blueprint, width)):
        with torch.no_grad():
            for window, left in zip(windows, emitter.rows(windows), strict=True):
                group = window.group
                if window.start == 0:
                    right = _in_units(emitter.entries(group), group)
                places = [state[s.name].view(group.rows, -1)[window.start : window.stop] for s in group.specs]
                _emitted(left, right, group, places)
    return state


def _bunches(groups: Sequence[TokenGroup]) -> Iterator[list[Window]]:
    """All windows in order, so many together as have ``TOGETHER`` tokens, or one."""
    bunch: list[Window] = []
    tokens = 0
    for window in (window for group in groups for window in _windows(group)):
        if bunch and tokens + window.tokens > TOGETHER:
            yield bunch
            bunch, tokens = [], 0
        bunch.append(window)
        tokens += window.tokens
    yield bunch
