"""Is a network without nine of ten neurons really smaller and faster? ``python -m benchmarks.compaction``.

Networks large enough to matter, nine of ten hidden neurons or channels closed, at random and by magnitude: parameters,
operations, bytes, and milliseconds with torch and with onnxruntime, whole and compacted, in turns within one run. The
whole network is the plain one without masks, with zeros in place of closed neurons, which computes the same. Beside it
nine of ten single weights set to zero: dense kernels as they are, and torch's CSR matrices.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from benchmarks.parts import write_result
from generators.connectivity import keep_strongest
from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import WeightTokenizer
from search_spaces import SPACES, Architecture, Blueprint, operations
from search_spaces.network import GraphNetwork, Network
from workbench.evaluation.sparsity import magnitude_pruned
from workbench.export import compact, write_onnx
from workbench.export.costs import BATCHES, milliseconds, weights_bytes

TOKENIZER = WeightTokenizer(width=256)


def architectures() -> dict[str, Architecture]:
    """The networks: an MLP, a convolutional network and a transformer."""
    mlp = SPACES.load("mlp")(
        inputs=784, outputs=10, depths=(3,), widths=(2048,), activations=("relu",), norms=("none",)
    )
    conv = SPACES.load("conv2d")(
        inputs=3 * 16 * 16, outputs=10, shape=(3, 16, 16), stages=(2,), depths=(2,), widths=(256,), kernels=(3,),
        groups=(1,), strides=(1, 2), blocks=("plain",), activations=("relu",), norms=("none",),
    )  # fmt: skip
    transformer = SPACES.load("transformer")(
        inputs=3 * 16 * 16, outputs=10, shape=(3, 16, 16), patches=(2,), widths=(256,), depths=(3,), heads=(4,),
        ratios=(4,), attentions=("full",), activations=("relu",),
    )  # fmt: skip
    wanted: dict[str, Mapping[str, Any]] = {
        "mlp, 3 x 2048": {"skip_1": False, "skip_2": False, "skip_3": False},
        "conv2d, 256 channels": {"residual_1": False, "residual_2": False, "squeeze_1": False, "squeeze_2": False,
                                 "pool_1": "none", "pool_2": "none", "stride_1": 1, "stride_2": 2, "head": "avg"},
        "transformer, width 256": {"position": True, "norm": "layer", "place": "pre", "gated": False, "head": "avg"},
    }  # fmt: skip
    found = {}
    for space, (name, genes) in zip((mlp, conv, transformer), wanted.items(), strict=True):
        own = dict(space.genome(space.sample(np.random.default_rng(0))))
        found[name] = space.from_genome({**own, **{gene: value for gene, value in genes.items() if gene in own}})
    return found


def emitted(architecture: Architecture) -> Generated:
    """Fresh weights, everything open."""
    blueprint = Blueprint.of(architecture)
    tokens = initial_tokens(TOKENIZER, [blueprint], [0])
    return Generated.dense(TOKENIZER, TOKENIZER.batch([blueprint]), tokens)


def closed(networks: Generated, how: str, share: float) -> Generated:
    """With so many of its neurons left; what closed ones are made of becomes zero, which changes nothing."""
    if how == "magnitude":
        is_open = magnitude_pruned(networks, share).open_neurons
    else:
        strength = torch.rand(networks.layout.node.shape, generator=torch.Generator().manual_seed(0))
        is_open = keep_strongest(networks.layout, strength, torch.full((len(networks),), share))
    return replace(networks, open_neurons=is_open, tokens=networks.tokens * is_open[..., None])


def session(network: nn.Module, reference: nn.Module, rows: Tensor, folder: Path) -> tuple[Any, int]:
    """The network in onnxruntime, one thread, after its outputs were compared, and the size of its file."""
    path = folder / "network.onnx"
    write_onnx(path, network, rows, reference=reference)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]), path.stat().st_size


def spread(values: np.ndarray) -> dict[str, float]:
    """Median, and the quartiles around it."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {"median": float(middle), "low": float(low), "high": float(high)}


def timed(before: Callable[[Tensor], object], after: Callable[[Tensor], object], rows: Tensor) -> dict[str, Any]:
    """Milliseconds of both and their ratios, turn by turn, for each size of a batch."""
    found = {}
    for size in BATCHES:
        times = milliseconds([partial(call, rows[:size]) for call in (before, after)])
        found[str(size)] = {
            "before": spread(times[0]), "after": spread(times[1]), "times_faster": spread(times[0] / times[1])
        }  # fmt: skip
    return found


def structured(networks: Generated, folder: Path) -> dict[str, Any]:
    """Whole against compacted."""
    architecture = networks.blueprints[0].architecture
    whole = GraphNetwork(architecture).load(networks.state_dict(0)).eval()
    masked, smaller = networks.network(0), compact(networks, 0)
    rows = torch.randn(max(BATCHES), math.prod(operations.shapes(architecture)[architecture.nodes[0].name]))
    expected = masked(rows)
    scale = max(1.0, float(expected.abs().max()))
    sessions = [session(network, masked, rows[:8], folder) for network in (whole, smaller)]
    runs = [lambda x, s=s: s.run(None, {"x": x.numpy()}) for s, _ in sessions]
    return {
        "differences": [float((network(rows) - expected).abs().max()) / scale for network in (whole, smaller)],
        "parameters": [sum(p.numel() for p in network.parameters()) for network in (whole, smaller)],
        "flops": [operations.flops(architecture), operations.flops(smaller.architecture)],
        "bytes": [weights_bytes(network) for network in (whole, smaller)],
        "onnx_bytes": [size for _, size in sessions],
        "torch": timed(whole, smaller, rows),
        "onnxruntime": timed(runs[0], runs[1], rows),
    }


class SparseMLP(nn.Module):
    """The plain network of dense layers with its weights as CSR matrices."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        state = network.state_dict()
        layers = [
            (state[f"{n.name}.linear.weight"], state[f"{n.name}.linear.bias"]) for n in network.architecture.nodes[1:]
        ]
        self.layers = [(weight.to_sparse_csr(), bias[:, None]) for weight, bias in layers]

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        h = x.T
        for i, (weight, bias) in enumerate(self.layers):
            h = weight @ h + bias
            h = torch.relu(h) if i < len(self.layers) - 1 else h
        return h.T


def unstructured(networks: Generated, share: float) -> dict[str, Any]:
    """Single weights set to zero: full weights against dense kernels with zeros, and these against CSR."""
    architecture = networks.blueprints[0].architecture
    cut = magnitude_pruned(networks, share, "weights")
    full, dense = (GraphNetwork(architecture).load(n.state_dict(0)).eval() for n in (networks, cut))
    sparse, smaller = SparseMLP(dense), compact(cut, 0)
    rows = torch.randn(max(BATCHES), 784)
    return {
        "share": share,
        "differences": [float((network(rows) - dense(rows)).abs().max()) for network in (sparse, smaller)],
        "parameters": [sum(p.numel() for p in network.parameters()) for network in (dense, smaller)],
        "dense kernels": timed(full, dense, rows),
        "csr": timed(dense, sparse, rows),
        "compacted": timed(dense, smaller, rows),
    }


def row(name: str, found: Mapping[str, Any], kernels: str) -> str:
    """A line of the table."""
    cells = []
    for size in BATCHES:
        one = found[kernels][str(size)]
        times = "{before[median]:.3g} -> {after[median]:.3g}".format(**one)
        cells.append(times + " ({median:.2f}x, {low:.2f} to {high:.2f})".format(**one["times_faster"]))
    return f"| {name} | {kernels} | " + " | ".join(cells) + " |"


@torch.no_grad()
def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write ``benchmarks/results/compaction.json``."""
    options_parser = argparse.ArgumentParser(description=__doc__)
    options_parser.add_argument("--share", type=float, default=0.1, help="of neurons, channels or weights that stay")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    print("| network | run by | ms at batch 1 | ms at batch 64 |\n|---|---|---|---|")
    for name, architecture in architectures().items():
        networks = emitted(architecture)
        for how in ("random", "magnitude"):
            with tempfile.TemporaryDirectory() as folder:
                one = found[f"{name}, {how}"] = structured(closed(networks, how, options.share), Path(folder))
            for kernels in ("torch", "onnxruntime"):
                print(row(f"{name}, {how}", one, kernels), flush=True)
            print({key: value for key, value in one.items() if isinstance(value, list)}, flush=True)
    zeros = {}
    for share in (options.share, options.share / 5):
        zeros[str(share)] = one = unstructured(emitted(next(iter(architectures().values()))), share)
        for kernels in ("dense kernels", "csr", "compacted"):
            print(row(f"mlp, {share:.0%} of single weights left", one, kernels), flush=True)
    write_result("compaction", options, {"structured": found, "unstructured": zeros}, began)


if __name__ == "__main__":
    main()
