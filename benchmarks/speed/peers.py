"""Hypernetwork packages of others (``pip install weightloom[peers]``), each with the settings its own README shows."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

Make = Callable[[], nn.Module]
Step = Callable[[], Tensor]
"""Generates weights for the target, runs it and gives the loss."""


def hyper_nn(make: Make, loss: Callable[[Tensor], Tensor], x: Tensor) -> tuple[nn.Module, Step]:
    """A linear layer over three learned embeddings."""
    from hypernn.torch import TorchLinearHyperNetwork

    net = TorchLinearHyperNetwork.from_target(make())
    return net, lambda: loss(net(x))


def torchhyper(make: Make, loss: Callable[[Tensor], Tensor], x: Tensor) -> tuple[nn.Module, Step]:
    """A network over the batch, averaged; its file is read alone, since the package imports torchvision."""
    spec = importlib.util.find_spec("torchhyper")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(next(iter(spec.submodule_search_locations))) / "model" / "hypernetwork_architectures.py"
    own = importlib.util.spec_from_file_location("torchhyper_networks", path)
    assert own is not None
    assert own.loader is not None
    module: Any = importlib.util.module_from_spec(own)
    own.loader.exec_module(module)
    target, flat = make(), x.flatten(1)
    net = module.HyperNetwork(flat.shape[1], [100, 100], target)
    return net, lambda: loss(functional_call(target, net(flat), (x,)))


def hyperlight(make: Make, loss: Callable[[Tensor], Tensor], x: Tensor) -> tuple[nn.Module, Step]:
    """A network over an input of its own."""
    import hyperlight as package

    plain = make()
    target = package.hypernetize(plain, modules=package.find_modules_of_type(plain, [nn.Linear, nn.Conv2d]))
    net = package.HyperNet(
        input_shapes={"h": (10,)}, output_shapes=target.external_shapes(), hidden_sizes=[16, 64, 128]
    )
    given = torch.rand(10)

    def step() -> Tensor:
        with target.using_externals(net(h=given)):
            return loss(target(x))

    return net, step


def hypnettorch(make: Make, loss: Callable[[Tensor], Tensor], x: Tensor) -> tuple[nn.Module, Step]:
    """Its ``HMLP`` over a learned embedding, for the tensors of the plain module."""
    from hypnettorch.hnets import HMLP

    target = make()
    named = {name: parameter.shape for name, parameter in target.named_parameters()}
    net = HMLP([list(shape) for shape in named.values()], verbose=False)
    return net, lambda: loss(functional_call(target, dict(zip(named, net(cond_id=0), strict=True)), (x,)))


PEERS = {"hyper-nn": hyper_nn, "torchhyper": torchhyper, "hyperlight": hyperlight, "hypnettorch": hypnettorch}


def installed_peers(
    make: Make, loss: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[dict[str, tuple[nn.Module, Step]], dict[str, str]]:
    """Those that are installed and run, and what the others said."""
    found, failed = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, peer in PEERS.items():
            try:
                net, step = peer(make, loss, x)
                step().backward()
            except Exception as error:  # somebody else's package may raise anything
                failed[name] = f"{type(error).__name__}: {error}"
                continue
            found[name] = net, step
    return found, failed
