from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from generators.adaptation import adapt, architecture_distance
from generators.baselines import (
    AverageBaseline,
    AverageConfig,
    FittedBaseline,
    GaussianBaseline,
    GaussianConfig,
    InitBaseline,
    NoiseBaseline,
    NoiseConfig,
    PCABaseline,
    PCAConfig,
    RetrieveBaseline,
    RetrieveConfig,
)
from generators.collection import Collection
from generators.generated import Generated
from generators.generator import Condition, Generator, GeneratorConfig
from generators.heads import to_values
from generators.initialisation import initial_tokens
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Blueprint, MLPSpace, WeightloomError

WIDTH = 24
TOKENIZER = WeightTokenizer(width=WIDTH)
SPACE = MLPSpace(inputs=20, outputs=5, depths=(1, 2), widths=(6, 8, 12), activations=("relu", "tanh"))
FITTED = (RetrieveBaseline, NoiseBaseline, AverageBaseline, GaussianBaseline, PCABaseline)


def blueprints(count: int, seed: int) -> list[Blueprint]:
    return [Blueprint.of(a) for a in SPACE.sample_distinct(count, np.random.default_rng(seed))]


def collection(shapes: Sequence[Blueprint], seed: int = 0, *, closed: bool = False) -> Collection:
    """Random networks in place of trained ones."""
    layout = TOKENIZER.batch(shapes)
    random = torch.Generator().manual_seed(seed)
    tokens = (layout.centre + layout.scale * torch.randn(layout.used.shape, generator=random)) * layout.used
    open_neurons = layout.real.float()
    if closed:
        open_neurons = torch.where(layout.maskable & (layout.neuron % 4 == 1), 0.0, open_neurons)
    networks = Generated(
        tokenizer=TOKENIZER,
        layout=layout,
        tokens=tokens,
        open_neurons=open_neurons,
        gates=layout.edge_real.float(),
    )
    return Collection.of(networks, torch.rand(len(shapes), generator=random))


def fitted(kind: type[FittedBaseline], training: Collection, **settings: int | float) -> FittedBaseline:
    baseline = kind(kind.Config(token_width=WIDTH, **settings))
    baseline.fit(training)
    return baseline


def every(training: Collection) -> list[Generator]:
    return [InitBaseline(GeneratorConfig(token_width=WIDTH)), *(fitted(kind, training) for kind in FITTED)]


@pytest.fixture(scope="module")
def training() -> Collection:
    return collection([b for b in blueprints(12, seed=1) for _ in range(3)], closed=True)


def assert_same(a: Generated, b: Generated, *, exact: bool = True) -> None:
    tolerance = {"rtol": 0.0, "atol": 0.0} if exact else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(a.tokens, b.tokens, **tolerance)
    assert torch.equal(a.open_neurons, b.open_neurons)
    assert torch.equal(a.gates, b.gates)


def test_all_emit_everything_and_honour_density(training: Collection) -> None:
    targets = [*blueprints(5, seed=2), Blueprint.of_module(nn.Linear(20, 5))]
    for generator in every(training):
        assert generator.kind == "baseline"
        assert generator.modes == ()
        dense = generator.generate(targets, range(6))
        assert bool(torch.isfinite(dense.tokens).all())
        assert torch.equal(dense.open_neurons, dense.layout.real.float())
        sparse = generator.generate(targets, range(6), density=0.5)
        for i in range(6):
            masks = sparse.neurons(i).values()
            assert all(bool(mask.any()) for mask in masks)
            assert sum(int(mask.sum()) for mask in masks) == round(0.5 * sum(map(len, masks)))
            assert set(dense.state_dict(i)) == {spec.name for spec in targets[i].parameters}


def test_sparse_networks_keep_the_greatest_incoming_weights(training: Collection) -> None:
    target = blueprints(1, seed=2)[0]
    for generator in every(training):
        sparse = generator.generate([target], [3], density=0.5)
        weight = sparse.state_dict(0)["hidden_1.linear.weight"].norm(dim=1)
        mask = sparse.neurons(0)["hidden_1"]
        assert float(weight[mask].min()) >= float(weight[~mask].max())


def test_batch_equals_single_and_same_seed_same_network(training: Collection) -> None:
    targets = [b for b in blueprints(4, seed=2) for _ in range(2)]
    seeds = [7, 8, 7, 8, 1, 2, 3, 3]
    for generator in every(training):
        together = generator.generate(targets, seeds, density=0.7)
        assert_same(together, generator.generate(targets, seeds, density=0.7))
        for i, (target, seed) in enumerate(zip(targets, seeds, strict=True)):
            single = generator.generate([target], [seed], density=0.7)
            assert_same(together.select([i]), single, exact=False)
        assert torch.equal(together.tokens[6], together.tokens[7])


def test_latents_differ_where_they_should(training: Collection) -> None:
    target = blueprints(1, seed=2)[0]
    for generator in every(training):
        emitted = generator.generate([target] * 8, range(8))
        distinct = len({tokens.numpy().tobytes() for tokens in emitted.tokens})
        if generator.name == "average":
            assert distinct > 3
        else:
            assert distinct == (1 if generator.name == "retrieve" else 8)


def test_init_is_initial_tokens() -> None:
    targets = blueprints(5, seed=2)
    generated = InitBaseline(GeneratorConfig(token_width=WIDTH)).generate(targets, range(5))
    assert torch.equal(generated.tokens, initial_tokens(TOKENIZER, targets, range(5)))


def test_retrieve_takes_the_best_network_of_the_nearest_architecture(training: Collection) -> None:
    baseline = fitted(RetrieveBaseline, training)
    for target in (*blueprints(6, seed=2), training.blueprints[4]):
        distances = [architecture_distance(target, b) for b in training.blueprints]
        ties = [i for i, d in enumerate(distances) if d == min(distances)]
        wanted = max(ties, key=lambda i: float(training.scores[i]))
        values, _ = to_values(baseline.generate([target], [0]))
        torch.testing.assert_close(values, adapt(training, target, [wanted]).values, rtol=1e-4, atol=1e-5)


def test_retrieve_of_several_picks_among_the_nearest(training: Collection) -> None:
    baseline, target = fitted(RetrieveBaseline, training, k=3), blueprints(1, seed=2)[0]
    emitted = baseline.generate([target] * 40, range(40))
    assert len({tokens.numpy().tobytes() for tokens in emitted.tokens}) == 3


def test_without_noise_it_is_retrieve_and_so_is_the_average_of_one(training: Collection) -> None:
    targets = blueprints(6, seed=2)
    expected = fitted(RetrieveBaseline, training).generate(targets, range(6), density=0.8)
    noise = fitted(NoiseBaseline, training, sigma=0.5)
    assert isinstance(noise, NoiseBaseline)
    assert_same(noise.with_sigma(0.0).generate(targets, range(6), density=0.8), expected)
    assert_same(fitted(AverageBaseline, training, k=1).generate(targets, range(6), density=0.8), expected)


def test_noise_has_the_spread_of_the_role(training: Collection) -> None:
    target = next(b for b in training.blueprints if any(s.role == "scale" for s in b.parameters))
    baseline = fitted(NoiseBaseline, training, sigma=0.5)
    clean, _ = to_values(fitted(RetrieveBaseline, training).generate([target], [0]))
    noisy, _ = to_values(baseline.generate([target] * 400, range(400)))
    alive = adapt(training, target, baseline.nearest(target, 1)).alive[0]
    difference = noisy - clean
    assert float(difference[:, ~alive].abs().max()) < 1e-5
    values, _ = to_values(training.in_memory())
    counted = training.in_memory().layout.used & (training.open_neurons > 0.5)[..., None]
    for role, lanes in enumerate((slice(0, 1), slice(1, 2), slice(2, 3), slice(LANES, None))):
        spread = values[..., lanes][counted[..., lanes]].numpy().std(ddof=1)
        assert float(baseline.role_std[role]) == pytest.approx(spread, rel=1e-4)
        drawn = difference[..., lanes][:, alive[..., lanes]]
        assert float(drawn.std()) == pytest.approx(0.5 * spread, rel=0.06)


def test_average_is_the_mean_of_k_of_the_2k_nearest(training: Collection) -> None:
    baseline, target = fitted(AverageBaseline, training, k=3), blueprints(1, seed=4)[0]
    near = adapt(training, target, baseline.nearest(target, 6))
    latent = baseline.draw_latent([target], [5])
    assert latent.shape == (1, 6)
    picks = np.argsort(latent[0].numpy())[-3:]
    expected = near.values[picks].mean(0)
    is_open = near.open_neurons[picks].mean(0) >= 0.5
    values, _ = to_values(baseline.generate([target], [5]))
    torch.testing.assert_close(values[0][is_open], expected[is_open], rtol=1e-4, atol=1e-5)
    state = baseline.generate([target], [5]).tokens[0]
    assert float(state[~is_open].abs().max()) < 1e-6


def test_gaussian_statistics_agree_with_numpy(training: Collection) -> None:
    baseline, target = fitted(GaussianBaseline, training, m=3), blueprints(1, seed=4)[0]
    picks = baseline.nearest_architectures(target, 3)
    assert len(picks) == 9
    near = adapt(training, target, picks)
    masked = np.where(near.alive.numpy(), near.values.numpy(), np.nan).reshape(9, -1)
    noise = torch.zeros(2, *near.values.shape[1:])
    noise[1] = 1.0
    values, _ = to_values(baseline([target] * 2, noise))
    used = TOKENIZER.layout(target).used.numpy().reshape(-1)
    roles = np.broadcast_to(np.minimum(np.arange(TOKENIZER.entries), LANES), near.values.shape[1:]).reshape(-1)
    seen = set()
    for i in np.flatnonzero(used):
        column = masked[~np.isnan(masked[:, i]), i]
        enough = len(column) >= 2
        seen.add(enough)
        mean = column.mean() if enough else float(baseline.role_mean[roles[i]])
        std = column.std(ddof=1) if enough else float(baseline.role_std[roles[i]])
        assert float(values[0].flatten()[i]) == pytest.approx(mean, abs=1e-4)
        assert float((values[1] - values[0]).flatten()[i]) == pytest.approx(std, abs=2e-4)
    assert seen == {True, False}


def components(baseline: FittedBaseline, target: Blueprint, rank: int) -> torch.Tensor:
    latent = torch.cat([torch.zeros(1, rank), torch.eye(rank)])
    values, _ = to_values(baseline([target] * (rank + 1), latent))
    return (values[1:] - values[0]).flatten(1).double()


def test_pca_of_full_rank_has_the_covariance(training: Collection) -> None:
    target = blueprints(1, seed=4)[0]
    baseline = fitted(PCABaseline, training, m=10, rank=9)
    near = adapt(training, target, baseline.nearest(target, 10))
    masked = np.where(near.alive.numpy(), near.values.numpy(), np.nan).reshape(10, -1)
    count = (~np.isnan(masked)).sum(0)
    mean = np.where(count > 0, np.nansum(masked, 0) / np.maximum(count, 1), 0.0)
    filled = np.where(np.isnan(masked), mean, masked)
    drawn = components(baseline, target, 9)
    np.testing.assert_allclose(drawn.T @ drawn, np.cov(filled.T), atol=1e-4)


def test_pca_of_low_rank_keeps_the_greatest_variance(training: Collection) -> None:
    target = blueprints(1, seed=4)[0]
    full = components(fitted(PCABaseline, training, m=10, rank=9), target, 9)
    low = components(fitted(PCABaseline, training, m=10, rank=2), target, 2)
    spectrum = torch.linalg.eigvalsh(full @ full.T).flip(0)
    torch.testing.assert_close(torch.linalg.eigvalsh(low @ low.T).flip(0), spectrum[:2], rtol=1e-3, atol=1e-4)
    beyond = fitted(PCABaseline, training, m=3, rank=8).generate([target], [0])
    assert bool(torch.isfinite(beyond.tokens).all())


def score(generated: Generated) -> torch.Tensor:
    """Any figure that depends on the networks in a rough way; one of them is broken."""
    size = (generated.tokens.square().sum((1, 2)) * 0.37).sin().abs()
    size[0] = torch.nan
    return size


@pytest.mark.parametrize("kind", FITTED)
def test_tuning_takes_what_brute_force_takes(kind: type[FittedBaseline], training: Collection) -> None:
    targets = blueprints(3, seed=2)
    baseline = fitted(kind, training)
    tried = baseline.tune(targets, score)
    by_hand = []
    for trial in tried:
        other = fitted(kind, training, **trial.settings)
        by_hand.append(float(torch.nan_to_num(score(other.generate(targets, range(3)))).mean()))
    assert [t.score for t in tried] == pytest.approx(by_hand)
    if kind is NoiseBaseline:
        chosen = [i for i, s in enumerate(by_hand) if s >= by_hand[0] - 0.02][-1]
    else:
        chosen = by_hand.index(max(by_hand))
    assert baseline.config == kind.Config(token_width=WIDTH, **tried[chosen].settings)
    expected = fitted(kind, training, **tried[chosen].settings).generate(targets, range(3))
    assert_same(baseline.generate(targets, range(3)), expected)


@pytest.mark.parametrize("kind", FITTED)
def test_state_survives_export(kind: type[FittedBaseline], training: Collection) -> None:
    baseline = fitted(kind, training)
    tensors, graphs = baseline.export_state()
    other = kind(kind.Config(token_width=WIDTH))
    other.import_state(tensors, json.loads(json.dumps(graphs)))
    assert other.architectures() == tuple(b.architecture for b in training.blueprints)
    targets = blueprints(4, seed=2)
    assert_same(baseline.generate(targets, range(4)), other.generate(targets, range(4)))
    for name, tensor in baseline.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_mistakes_are_named(training: Collection) -> None:
    baseline = RetrieveBaseline(RetrieveConfig(token_width=WIDTH))
    with pytest.raises(WeightloomError, match="call fit first"):
        baseline.generate(blueprints(1, seed=2), [0])
    with pytest.raises(WeightloomError, match="token_width"):
        RetrieveBaseline().fit(training)
    module = TOKENIZER.batch([Blueprint.of_module(nn.Linear(3, 2))])
    dense = Generated.dense(TOKENIZER, module, module.centre)
    with pytest.raises(WeightloomError, match="own module"):
        baseline.fit(Collection.of(dense, torch.ones(1)))
    tensors, graphs = fitted(RetrieveBaseline, training).export_state()
    with pytest.raises(WeightloomError, match=r"for .* architectures"):
        baseline.import_state(tensors, graphs[1:])
    with pytest.raises(WeightloomError, match="expected tensors"):
        baseline.import_state({}, graphs)


def test_broken_training_networks_are_left_out(training: Collection) -> None:
    tokens = training.tokens.clone()
    tokens[2, 0, 0] = torch.nan
    networks = Generated(
        tokenizer=TOKENIZER,
        layout=training.in_memory().layout,
        tokens=tokens,
        open_neurons=training.open_neurons,
        gates=training.gates,
    )
    baseline = fitted(RetrieveBaseline, Collection.of(networks, training.scores))
    assert len(baseline.architectures()) == len(training) - 1


def digests() -> list[str]:
    data = collection([b for b in blueprints(6, seed=1) for _ in range(3)], closed=True)
    targets = blueprints(4, seed=2)
    settings: list[tuple[type[FittedBaseline], GeneratorConfig]] = [
        (RetrieveBaseline, RetrieveConfig(token_width=WIDTH, k=4)),
        (NoiseBaseline, NoiseConfig(token_width=WIDTH)),
        (AverageBaseline, AverageConfig(token_width=WIDTH)),
        (GaussianBaseline, GaussianConfig(token_width=WIDTH)),
        (PCABaseline, PCAConfig(token_width=WIDTH)),
    ]
    generators: list[Generator] = [InitBaseline(GeneratorConfig(token_width=WIDTH))]
    for kind, config in settings:
        baseline = kind(config)
        baseline.fit(data)
        generators.append(baseline)
    found = []
    for generator in generators:
        made = generator(targets, generator.draw_latent(targets, [1, 2, 3, 4]), Condition.uniform(4, 0.6))
        parts = (made.tokens, made.open_neurons, made.gates)
        found.append(hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest())
    return found


def test_same_seed_same_network_in_a_spawned_process() -> None:
    here = Path(__file__)
    code = f"import sys; sys.path.insert(0, {str(here.parent)!r}); import {here.stem} as t; print(*t.digests())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here.parents[2], check=True)
    assert done.stdout.split() == digests()
