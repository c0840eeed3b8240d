"""Muon against torch's own, which takes single matrices in 16 bits, and against the singular value decomposition."""

import torch
from torch import nn

from generators.registry import make_generator
from workbench.muon import Muon, matrices_of, orthogonal


def test_an_update_keeps_singular_vectors_and_evens_out_singular_values() -> None:
    torch.manual_seed(0)
    for shape in [(3, 40, 24), (24, 40), (2, 2, 16, 16)]:
        given = torch.randn(shape) * 100
        u, s, v = torch.linalg.svd(given, full_matrices=False)
        found = orthogonal(given)
        turned = u.mT @ found @ v.mT
        values = turned.diagonal(dim1=-2, dim2=-1)
        common = s > 0.1 * s.amax(-1, keepdim=True)  # very small ones are not all the way up after five iterations
        assert ((values > 0.6) & (values < 1.3))[common].all()
        torch.testing.assert_close(turned, torch.diag_embed(values), atol=1e-3, rtol=0)
    assert torch.equal(orthogonal(torch.zeros(4, 8, 9)), torch.zeros(4, 8, 9))


def test_matrices_side_by_side_move_as_torch_moves_each_alone() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(3, 32, 20), torch.randn(4, 3, 32, 20)
    own = nn.Parameter(start.clone())
    alone = [nn.Parameter(one.clone()) for one in start]
    ours = Muon([own], [], lr=0.01, weight_decay=0.5)
    theirs = torch.optim.Muon(alone, lr=0.01, weight_decay=0.5, adjust_lr_fn="match_rms_adamw")
    for step in gradients:
        own.grad = step.clone()
        for parameter, gradient in zip(alone, step, strict=True):
            parameter.grad = gradient.clone()
        ours.step()
        theirs.step()
    moved = torch.stack(list(alone)).detach() - start
    torch.testing.assert_close(own.detach() - start, moved, atol=0.02 * float(moved.abs().max()), rtol=0)
    assert float(moved.abs().min()) < float(moved.abs().max()) / 10, "or nothing is told apart"


def test_what_is_no_matrix_moves_as_by_adamw() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(7)) for _ in range(2))
    optimizers = (
        Muon([nn.Parameter(torch.ones(8, 8))], [ours], lr=0.1, weight_decay=0.1),
        torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.1),
    )
    for gradient in torch.randn(5, 7):
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert torch.equal(ours, theirs)


def test_layers_are_matrices_and_biases_of_many_experts_are_not() -> None:
    generator = make_generator("experts", {"experts": 16, "hidden": 16, "layers": 1})
    generator.codes = nn.Embedding(20, 16)
    names = {id(parameter): name for name, parameter in generator.named_parameters()}
    matrices, rest = ([names[id(parameter)] for parameter in part] for part in matrices_of(generator))
    assert {"enter.weight", "layers.0.weight", "leave.weight", "encoder.messages.0.weight"} <= set(matrices)
    assert {"layers.0.bias", "norms.0.weight", "edge.2.weight", "codes.weight"} <= set(rest)
    assert sorted(matrices + rest) == sorted(names.values())
