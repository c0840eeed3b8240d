"""What a batch of generated networks can be turned into."""

from dataclasses import replace

import pytest
import torch

from generators.generated import Generated
from generators.testing import small_architectures, small_collection
from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, WeightloomError

TOKENIZER = WeightTokenizer(width=4)


@pytest.fixture
def networks() -> Generated:
    return small_collection(TOKENIZER, count=8).in_memory()


def same(first: Generated, second: Generated) -> bool:
    return (
        first.blueprints == second.blueprints
        and torch.equal(first.tokens, second.tokens)
        and torch.equal(first.open_neurons, second.open_neurons)
        and torch.equal(first.gates, second.gates)
    )


def test_the_small_collection_has_closed_neurons_and_wires(networks: Generated) -> None:
    assert int((networks.layout.maskable & (networks.open_neurons == 0)).sum()) > 0
    assert int((networks.layout.edge_real & (networks.gates == 0)).sum()) > 0
    assert len(networks) == len({b.key for b in networks.blueprints})


def test_select_and_concatenate(networks: Generated) -> None:
    parts = [networks.select([i]) for i in range(len(networks))]
    assert same(Generated.concatenate(parts), networks)
    assert same(Generated.concatenate([networks.select([5, 2]), networks.select([2])]), networks.select([5, 2, 2]))
    for i, part in enumerate(parts):
        assert part.layout.real.all()
        assert part.wires(0) == networks.wires(i)
        assert {k: v.tolist() for k, v in part.neurons(0).items()} == {
            k: v.tolist() for k, v in networks.neurons(i).items()
        }
        for name, tensor in part.state_dict(0).items():
            assert torch.equal(tensor, networks.state_dict(i)[name])


def test_networks_are_plain_modules(networks: Generated) -> None:
    x = torch.randn(3, 6)
    for i in range(len(networks)):
        module = networks.network(i)
        assert not module.training
        closed = [~mask for mask in networks.neurons(i).values()]
        hidden: list[torch.Tensor] = []
        for name in networks.neurons(i):
            module.get_submodule(name).register_forward_hook(lambda m, args, out, hidden=hidden: hidden.append(out))
        module(x)
        for mask, values in zip(closed, hidden, strict=True):
            assert not bool(values[:, mask].any())


def test_detach_and_dense(networks: Generated) -> None:
    live = replace(networks, tokens=networks.tokens.clone().requires_grad_())
    assert not live.detach().tokens.requires_grad
    dense = Generated.dense(TOKENIZER, networks.layout, torch.ones_like(networks.tokens))
    assert torch.equal(dense.tokens, networks.layout.used.float())
    assert all(bool(mask.all()) for i in range(len(dense)) for mask in dense.neurons(i).values())
    assert all(all(dense.wires(i).values()) for i in range(len(dense)))


def test_what_does_not_fit_is_refused(networks: Generated) -> None:
    with pytest.raises(WeightloomError, match="expected tokens"):
        replace(networks, tokens=networks.tokens[:, :-1], open_neurons=networks.open_neurons[:, :-1])
    with pytest.raises(WeightloomError, match="expected gates"):
        replace(networks, gates=networks.gates[:, :-1])
    other = small_collection(WeightTokenizer(width=5), count=2).in_memory()
    with pytest.raises(WeightloomError, match="one token width"):
        Generated.concatenate([networks, other])
    with pytest.raises(WeightloomError, match="one or more batches"):
        Generated.concatenate([])
    with pytest.raises(WeightloomError, match="at least one blueprint"):
        networks.select([])


def test_small_architectures_differ() -> None:
    blueprints = [Blueprint.of(a) for a in small_architectures()]
    assert len({b.key for b in blueprints}) == len({len(b.architecture.nodes) for b in blueprints}) == 4
