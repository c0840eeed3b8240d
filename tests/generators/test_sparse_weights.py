"""Sparse weights: how many stay, which, and what of it a generator can learn."""

import math

import pytest
import torch
from small_families import BLUEPRINTS, TOKENIZER, families
from torch import Tensor

from generators.connectivity import FLOOR, heaviest, sparse_weights
from generators.generator import Condition, Generator
from generators.tokens import LANES, BatchLayout


def some(seed: int = 0) -> tuple[BatchLayout, Tensor, Tensor]:
    """A batch of networks of differing shapes, and which of their neurons are open (not all)."""
    layout = TOKENIZER.batch(BLUEPRINTS)
    random = torch.Generator().manual_seed(seed)
    tokens = (layout.centre + layout.scale * torch.randn(layout.used.shape, generator=random)) * layout.used
    closed = layout.maskable & (layout.neuron == 1)
    return layout, tokens, (layout.real & ~closed).float()


def plainly(layout: BatchLayout, tokens: Tensor, neurons: Tensor, n: int, share: float) -> set[tuple[int, int]]:
    """The kept weights of one network by a loop: floors of layers first, then the greatest."""
    sizes: dict[tuple[int, int], float] = {}
    layers: dict[int, list[tuple[int, int]]] = {}
    for t in range(tokens.shape[1]):
        for e in range(LANES, tokens.shape[2]):
            if layout.used[n, t, e] and neurons[n, t] > 0.5:
                sizes[t, e] = float(tokens[n, t, e].abs() / layout.scale[n, t, e])
                layers.setdefault(int(layout.node[n, t]), []).append((t, e))
    budget = max(1, round(share * len(sizes)))
    first: set[tuple[int, int]] = set()
    for places in layers.values():
        places.sort(key=lambda place: -sizes[place])
        first |= set(places[: math.ceil(FLOOR * share * len(places))])
    order = sorted(sizes, key=lambda place: (place not in first, -sizes[place]))
    return set(order[:budget])


@pytest.mark.parametrize("share", [0.75, 0.3, 0.1, 0.01])
def test_what_stays_is_what_a_plain_loop_keeps(share: float) -> None:
    layout, tokens, neurons = some()
    kept = heaviest(layout, tokens, neurons, torch.full((len(BLUEPRINTS),), share))
    assert bool(kept[..., :LANES].all())
    for n in range(len(BLUEPRINTS)):
        places = {(t, e + LANES) for t, e in torch.nonzero(kept[n, :, LANES:]).tolist()}
        assert places == plainly(layout, tokens, neurons, n, share)


def test_every_layer_has_weights_left_even_where_all_its_weights_are_small() -> None:
    layout = TOKENIZER.batch([BLUEPRINTS[1]])
    tokens = torch.rand(layout.used.shape).clamp_min(0.1) * layout.used
    weak = layout.node == 2
    tokens[weak] *= 1e-3
    share = torch.tensor([0.3])
    left = heaviest(layout, tokens, layout.real.float(), share)[..., LANES:] & layout.used[..., LANES:]
    total = layout.used[..., LANES:][weak].sum()
    assert int(left[weak].sum()) == math.ceil(FLOOR * 0.3 * int(total))
    alone = tokens[..., LANES:].flatten().topk(int(left.sum())).values.min()  # without the floor the layer is dead
    assert not bool((tokens[weak] >= alone).any())


def test_a_share_of_one_is_the_identity_and_passes_the_very_tensor() -> None:
    layout, tokens, neurons = some()
    assert sparse_weights(layout, tokens, neurons, torch.ones(len(tokens))) is tokens
    mixed = sparse_weights(layout, tokens, neurons, torch.tensor([1.0, 0.5, 1.0, 0.5]))
    assert torch.equal(mixed[0], tokens[0])
    assert torch.equal(mixed[2], tokens[2])
    assert not torch.equal(mixed[1], tokens[1])


def test_equal_weights_are_kept_in_the_order_of_tokens_whoever_else_is_in_the_batch() -> None:
    layout, _, _ = some()
    tokens = layout.used.float()
    shares = torch.full((len(BLUEPRINTS),), 0.4)
    together = heaviest(layout, tokens * layout.scale, layout.real.float(), shares)
    assert torch.equal(together, heaviest(layout, tokens * layout.scale, layout.real.float(), shares))
    for n, blueprint in enumerate(BLUEPRINTS):
        alone = TOKENIZER.batch([blueprint])
        own = heaviest(alone, alone.used * alone.scale, alone.real.float(), shares[:1])[0]
        assert torch.equal(own, together[n, : len(own)])


def test_the_gradient_goes_to_what_stays() -> None:
    layout, tokens, neurons = some()
    tokens.requires_grad_()
    sparse = sparse_weights(layout, tokens, neurons, torch.tensor([1.0, 0.5, 0.2, 0.1]))
    sparse.sum().backward()
    kept = heaviest(layout, tokens.detach(), neurons, torch.tensor([1.0, 0.5, 0.2, 0.1]))
    assert tokens.grad is not None
    assert torch.equal(tokens.grad, kept.float())
    assert not bool(sparse[~kept].any())


@pytest.mark.parametrize("generator", families(steps=2), ids=lambda g: g.name)
def test_sparse_networks_reach_every_parameter_and_cut_weights_can_grow_back(generator: Generator) -> None:
    """A step on what stays moves the cut weights too: the mask of the next step is another."""
    latent = generator.draw_latent(BLUEPRINTS, range(4))
    condition = Condition.uniform(4, 0.5, weights=0.2)
    random = torch.Generator().manual_seed(0)
    out = generator(BLUEPRINTS, latent, condition)
    first = out.tokens.detach() != 0
    pull = torch.randn(out.tokens.shape, generator=random)
    ((out.tokens * pull).sum() + out.open_neurons.sum() + out.gates.sum()).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in generator.parameters())
    torch.optim.SGD(generator.parameters(), lr=0.01).step()
    second = generator(BLUEPRINTS, latent, condition).tokens.detach() != 0
    assert bool((second & ~first).any())


@pytest.mark.parametrize("generator", families(steps=2), ids=lambda g: g.name)
def test_the_wanted_share_is_heard(generator: Generator) -> None:
    """Weights that stay are not those of the dense network: the generator knows how many it may have."""
    dense, sparse = (generator.generate(BLUEPRINTS, range(4), weights=w).tokens for w in (1.0, 0.3))
    kept = (sparse != 0) & (dense != 0)
    assert float((sparse - dense)[kept].abs().mean()) > 1e-4
