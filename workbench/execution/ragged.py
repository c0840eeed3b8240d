"""Dense networks of any shapes without gradients: neurons of many of them in one array, none of it padding.

On a processor a padded batch of networks that differ is slower than one after another as soon as there are some hundred
examples, for what is computed in vain outweighs the calls that are saved. Here each network has its own matrix products
of its own size, and all else (first layer, biases, norms, activations) runs on the rows of a block of networks at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.generated import Generated
from generators.tokens import LANES
from search_spaces import Blueprint
from search_spaces.network import NORM_EPS
from workbench.execution.programs import Step, program
from workbench.execution.slot import FORWARD

# dimension names: networks, tokens, entries as in generators; batch = examples; rows = neurons of a block's networks,
# one network after another; inputs = incoming weights

CELLS, MOST = 2**18, 64
"""Values of one layer of a block, that they stay in a processor's cache; and its networks, for sums go over pairs."""


Shares = tuple[Tensor, Tensor]
"""``[networks, rows]`` and ``[rows]``."""


def run_ragged(
    generated: Generated, members: Sequence[int], x: Float[Tensor, "batch inputs"]
) -> Float[Tensor, "members batch classes"]:
    """Logits of some of the networks, which must be dense, of one number of nodes; see ``blocks_of``."""
    programs = [program(generated.blueprints[i].architecture) for i in members]
    gates = generated.gates[list(members)].tolist()
    flat, is_open = generated.tokens.flatten(0, 1), generated.open_neurons.reshape(-1)
    starts = np.asarray(members) * generated.tokens.shape[1]
    values: list[Sequence[Tensor]] = []  # of each node, per network [width, batch]
    data, rows = x.T.contiguous(), x.new_empty(0)
    for j, steps in enumerate(zip(*programs, strict=True)):
        index = _tokens_of(steps, starts, generated.tokenizer.width)
        tokens = flat.index_select(0, index.reshape(-1)).unflatten(0, index.shape)
        lanes, weights = tokens[:, 0, :LANES], tokens[:, :, LANES:].flatten(1)
        widths = [step.width for step in steps]
        opened = is_open.index_select(0, index[:, 0])
        closing = not bool(opened.all())
        alike = _runs([step.normed for step in steps], widths)
        normed = [(part, _shares(opened[part], widths[own])) for yes, part, own in alike if yes]
        for part, shares in normed:
            _centre(lanes[part], weights[part], shares)
        if j == 0:
            rows = torch.addmm(lanes[:, :1], weights[:, : steps[0].inputs], data)
        else:
            rows = x.new_empty(len(index), len(x))
            own = zip(weights.split(widths), rows.split(widths), steps, strict=True)
            for n, (weight, out, step) in enumerate(own):
                torch.mm(weight[:, : step.inputs], _gathered(values, n, step, gates[n]), out=out)
            rows += lanes[:, :1]
        for part, shares in normed:
            _scale(rows[part], lanes[part], shares)
        for kind, part, _ in _runs([step.activation for step in steps], widths):
            if kind != "none":
                FORWARD[str(kind)](rows[part], rows[part])
        if closing:
            rows *= opened[:, None]
        values.append(rows.split(widths))
    return rows.unflatten(0, (len(members), -1)).transpose(1, 2)


def blocks_of(blueprints: Sequence[Blueprint], dense: Sequence[int], batch: int) -> list[list[int]]:
    """Dense networks in blocks for ``run_ragged``: of one number of nodes, those that do alike side by side.

    Args:
        blueprints: of all networks.
        dense: which of them to put into blocks.
        batch: how many examples they will be given.
    """
    programs = {i: program(blueprints[i].architecture) for i in dense}

    def work(i: int) -> tuple[int, list[bool], list[str]]:
        return len(programs[i]), [s.normed for s in programs[i]], [s.activation for s in programs[i]]

    found: list[list[int]] = []
    depth, cells = -1, 0
    for i in sorted(dense, key=work):
        own = max(step.width for step in programs[i]) * batch
        if len(programs[i]) != depth or cells + own > CELLS or len(found[-1]) == MOST:
            found.append([])
            depth, cells = len(programs[i]), 0
        found[-1].append(i)
        cells += own
    return found


def _tokens_of(steps: Sequence[Step], starts: np.ndarray, width: int) -> Int[Tensor, "rows chunks"]:
    """Of every neuron its tokens; the last one again where others have more. Moves ``starts`` on to the next node."""
    widths = np.array([step.width for step in steps])
    chunks = -(-np.array([step.inputs for step in steps]) // width)
    before = np.repeat(np.cumsum(widths) - widths, widths)
    neuron = np.arange(len(before)) - before
    own = np.repeat(chunks, widths)
    chunk = np.minimum(np.arange(chunks.max()), own[:, None] - 1)
    index = (np.repeat(starts, widths) + neuron * own)[:, None] + chunk
    starts += widths * chunks
    return torch.from_numpy(index)


def _gathered(values: Sequence[Sequence[Tensor]], network: int, step: Step, gates: Sequence[float]) -> Tensor:
    """What a node reads: values cut or filled up with 0 to its inputs, times their gates, added up."""
    (first, gate), *rest = step.sources
    z = values[first - 1][network]
    if gate >= 0:
        z = z * gates[gate]
    elif rest:
        z = z.clone()
    for source, gate in rest:
        value = values[source - 1][network]
        common = min(len(value), step.inputs)
        into = z if common == len(z) else z[:common]
        into.add_(value if common == len(value) else value[:common], alpha=1.0 if gate < 0 else gates[gate])
    return z


def _runs(kinds: Sequence[Hashable], widths: Sequence[int]) -> Iterator[tuple[Hashable, slice, slice]]:
    """Each stretch of networks of one kind: the kind, its rows and its networks."""
    network = row = 0
    for kind, part in groupby(kinds):
        count = len(list(part))
        rows = sum(widths[network : network + count])
        yield kind, slice(row, row + rows), slice(network, network + count)
        network, row = network + count, row + rows


def _shares(opened: Float[Tensor, " rows"], widths: Sequence[int]) -> Shares:
    """Of networks with a norm: what each open neuron counts for in its network's mean, and whose each neuron is."""
    network = torch.repeat_interleave(torch.tensor(widths))
    shares = opened.new_zeros(len(widths), len(opened))
    shares[network, torch.arange(len(opened))] = opened
    return shares / shares.sum(1, keepdim=True).clamp_min(1.0), network


def _centre(lanes: Float[Tensor, "rows lanes"], weights: Float[Tensor, "rows inputs"], shares: Shares) -> None:
    """Take from bias and weights their means over the network's neurons, which takes the mean from what they make."""
    share, network = shares
    weights -= (share @ weights).index_select(0, network)
    lanes[:, 0] -= (share @ lanes[:, 0]).index_select(0, network)


def _scale(rows: Float[Tensor, "rows batch"], lanes: Float[Tensor, "rows lanes"], shares: Shares) -> None:
    """The rest of the layer norm, in place."""
    share, network = shares
    rows *= (share @ rows.square()).add_(NORM_EPS).rsqrt_().index_select(0, network)
    torch.addcmul(lanes[:, 2:3], rows, lanes[:, 1:2], out=rows)
