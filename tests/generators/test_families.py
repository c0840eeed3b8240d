"""What the learned families share: encoder, heads, connectivity; and that they can learn."""

import itertools
import math

import pytest
import torch
from small_families import BLUEPRINTS, TOKENIZER, families

from generators.connectivity import keep_first, open_edges, straight_through
from generators.encoder import BlueprintEncoder, index_code
from generators.generator import Condition, Generator
from generators.heads import to_generated, to_values
from generators.initialisation import common_values, initial_values
from generators.mlp import MLPGenerator
from generators.registry import make_generator
from generators.testing import small_architectures, small_collection
from generators.tokens import LANES
from generators.transformer import TransformerGenerator
from search_spaces import Architecture, Blueprint, Edge, Node, WeightloomError


@pytest.mark.parametrize("generator", families(steps=3), ids=lambda g: g.name)
def test_untrained_weights_have_their_natural_size(generator: Generator) -> None:
    """Root mean square about 1/sqrt(fan-in), so that signals neither vanish nor explode."""
    seeds = list(range(40))
    generated = generator.generate([BLUEPRINTS[1]] * 40, seeds)
    units = (generated.tokens - generated.layout.centre) / generated.layout.scale
    size = float(units[generated.layout.used].square().mean().sqrt())
    assert 0.5 < size < 2.0


@pytest.mark.parametrize("generator", families(steps=3), ids=lambda g: g.name)
def test_untrained_wires_are_mostly_open(generator: Generator) -> None:
    generated = generator.generate([BLUEPRINTS[1]] * 40, range(40))
    assert float(generated.gates[generated.layout.edge_real].mean()) > 0.7


@pytest.mark.parametrize("generator", families(steps=3), ids=lambda g: g.name)
def test_a_family_can_fit_one_network(generator: Generator) -> None:
    """A hundred and twenty steps bring the weights much nearer to a target."""
    target = small_collection(generator.tokenizer, count=1, seed=3).in_memory()
    layout, used = target.layout, target.layout.used
    optimizer = torch.optim.Adam(generator.parameters(), lr=3e-3)
    latent = generator.draw_latent(target.blueprints, [0])
    errors = []
    for _ in range(120):
        out = generator(target.blueprints, latent)
        loss = ((out.tokens - target.tokens) / layout.scale * used).square().sum() / used.sum()
        errors.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert errors[-1] < 0.3 * errors[0]


@pytest.mark.parametrize("generator", families(steps=3), ids=lambda g: g.name)
def test_latents_belong_to_seeds(generator: Generator) -> None:
    one = generator.draw_latent(BLUEPRINTS[:1], [5])
    both = generator.draw_latent([BLUEPRINTS[0], BLUEPRINTS[0]], [4, 5])
    assert torch.equal(both[1], one[0])
    assert not torch.equal(both[0], both[1])


def test_shares_that_make_no_sense() -> None:
    for share in (0.0, -1.0, 1.5, math.nan):
        with pytest.raises(WeightloomError, match="density must be above 0 and at most 1"):
            Condition.uniform(2, share)
        with pytest.raises(WeightloomError, match="weights must be above 0 and at most 1"):
            Condition.uniform(2, weights=share)


def test_straight_through_is_exact() -> None:
    soft = torch.rand(10_000).requires_grad_()
    hard = (soft.detach() > 0.5).float()
    out = straight_through(hard, soft)
    assert torch.equal(out, hard)
    out.sum().backward()
    assert torch.equal(soft.grad, torch.ones(10_000))


def test_the_first_neurons_stay_and_gates_pass_gradients() -> None:
    layout = TOKENIZER.batch(BLUEPRINTS)
    masks = keep_first(layout, torch.tensor([1.0, 0.5, 1.0, 0.5]))
    assert torch.equal(masks[0], layout.real[0].float())
    for n in (1, 3):
        for node in layout.node[n][layout.maskable[n]].unique():
            mine = layout.maskable[n] & (layout.node[n] == node)
            assert torch.equal(
                masks[n][mine] > 0, layout.neuron[n][mine] < layout.neuron[n][mine & (masks[n] > 0)].max() + 1
            )
    edge_scores = torch.randn(layout.edge_real.shape).requires_grad_()
    gates = open_edges(layout, edge_scores)
    assert torch.equal(gates > 0, layout.edge_real & (edge_scores > 0))
    gates.sum().backward()
    assert torch.equal(edge_scores.grad != 0, layout.edge_real)


def test_values_and_networks_are_inverse() -> None:
    networks = small_collection(TOKENIZER).in_memory()
    values, edges = to_values(networks)
    again = to_generated(TOKENIZER, networks.layout, values, edges, Condition.uniform(len(networks)))
    torch.testing.assert_close(again.tokens, networks.tokens, atol=1e-6, rtol=1e-6)
    assert torch.equal(again.gates, networks.gates)


def test_encoder_sees_what_differs() -> None:
    """Tokens of different neurons, nodes, chunks and architectures have different vectors."""
    torch.manual_seed(0)
    layout = TOKENIZER.batch(BLUEPRINTS)
    encoded = BlueprintEncoder(16)(layout)
    for n, part in enumerate(layout.layouts):
        own = encoded.tokens[n, : len(part)]
        distance = torch.cdist(own, own) + torch.eye(len(own)) * 9
        assert float(distance.min().detach()) > 1e-3
    graphs = torch.cdist(encoded.graph, encoded.graph) + torch.eye(4) * 9
    assert float(graphs.min().detach()) > 1e-3


def test_encoder_takes_more_nodes_than_tokens() -> None:
    names = [f"same_{i}" for i in range(5)]
    choices = (("activation", "none"), ("norm", "none"), ("width", 1))
    nodes = [Node(name="x", operation="input", choices=(("width", 2),))]
    nodes += [Node(name=name, operation="identity") for name in names]
    nodes.append(Node(name="y", operation="dense", choices=choices))
    chain = [Edge(source=a.name, target=b.name) for a, b in itertools.pairwise(nodes)]
    blueprint = Blueprint.of(Architecture(space="hand", nodes=tuple(nodes), edges=tuple(chain)))
    encoded = BlueprintEncoder(16)(TOKENIZER.batch([blueprint]))
    assert encoded.tokens.shape == (1, 1, 16)


def test_index_codes_differ_and_have_unit_variance() -> None:
    codes = index_code(torch.arange(2000))
    assert float(codes.square().mean()) == pytest.approx(1.0, abs=0.1)
    near = torch.cdist(codes, codes) + torch.eye(2000) * 9
    assert float(near.min()) > 0.5
    assert not torch.equal(index_code(torch.arange(5)), index_code(torch.arange(5), seed=1))


@pytest.mark.parametrize("family", [MLPGenerator, TransformerGenerator])
def test_an_untrained_generator_hears_as_little_of_the_latent_as_asked(family: type[Generator]) -> None:
    blueprints = [Blueprint.of(small_architectures()[0])] * 2

    def difference(start: float) -> float:
        torch.manual_seed(0)
        tokens = family(family.Config(latent_start=start)).generate(blueprints, [1, 2]).tokens
        return float((tokens[0] - tokens[1]).norm())

    assert difference(0.0) == 0
    assert 0 < difference(0.1) < 0.3 * difference(1.0)


@pytest.mark.parametrize("family", ["mlp", "transformer"])
def test_a_small_change_stays_near_the_fresh_weights_that_all_latents_share(family: str) -> None:
    torch.manual_seed(0)
    generator = make_generator(family, {"change": 0.1})
    blueprints = [*BLUEPRINTS, *BLUEPRINTS]
    seeds = range(len(blueprints))
    emitted = generator.generate(blueprints, seeds)
    layout = emitted.layout
    values = ((emitted.tokens - layout.centre) / layout.scale)[layout.used]
    fresh = initial_values(layout, [0] * len(blueprints))[layout.used]
    weights = torch.zeros(layout.used.shape, dtype=torch.bool)
    weights[..., LANES:] = layout.used[..., LANES:]
    weights = weights[layout.used]
    together = torch.corrcoef(torch.stack([values[weights], fresh[weights]]))[0, 1]
    assert together > 0.98
    assert 0.9 < float(values[weights].std()) < 1.1
    whole = make_generator(family, {}).generate(blueprints, seeds).tokens
    apart = (((whole - layout.centre) / layout.scale)[layout.used])[weights]
    assert abs(torch.corrcoef(torch.stack([apart, fresh[weights]]))[0, 1]) < 0.4  # by default nothing is fresh


def test_common_values_are_those_of_one_seed_however_long_the_others_are() -> None:
    layout = TOKENIZER.batch(BLUEPRINTS)
    assert torch.equal(common_values(layout), initial_values(layout, [0] * len(BLUEPRINTS)))


def test_an_expert_is_the_feed_forward_family_with_its_weights() -> None:
    """Each network comes out as from a generator that holds its expert alone, and every expert has its turn."""
    torch.manual_seed(0)
    small = {"token_width": 4, "d": 16, "hidden": 24, "layers": 2, "latent": 6}
    experts = make_generator("experts", {**small, "experts": 3})
    seeds = list(range(30))
    latent = experts.draw_latent(BLUEPRINTS[:1], seeds[:1])
    assert latent.shape == (1, 6 + 3)
    blueprints = [BLUEPRINTS[i % len(BLUEPRINTS)] for i in seeds]
    together = experts.generate(blueprints, seeds)
    spoke = experts.draw_latent(blueprints, seeds)[:, 6:].argmax(1).tolist()
    assert set(spoke) == {0, 1, 2}
    for i, expert in enumerate(spoke):
        alone = make_generator("mlp", small)
        own = {
            name: value[expert : expert + 1]
            if name.split(".")[0] in ("enter", "layers", "norms", "last", "leave")
            else value
            for name, value in experts.state_dict().items()
        }
        alone.load_state_dict(own)
        by_itself = alone(blueprints[i : i + 1], experts.draw_latent(blueprints[i : i + 1], seeds[i : i + 1])[:, :6])
        for name, value in by_itself.state_dict(0).items():
            torch.testing.assert_close(together.state_dict(i)[name], value, atol=1e-5, rtol=1e-5)


def test_networks_used_together_have_an_expert_each() -> None:
    """Apart, one architecture's networks go through all experts before one speaks again; by latents of the same law."""
    torch.manual_seed(0)
    experts = make_generator(
        "experts", {"token_width": 4, "d": 16, "hidden": 24, "layers": 1, "latent": 6, "experts": 5}
    )
    blueprints = [BLUEPRINTS[0]] * 7 + [BLUEPRINTS[1]] * 5
    seeds = range(len(blueprints))
    alone, apart = experts.draw_latent(blueprints, seeds), experts.draw_apart(blueprints, seeds)
    spoke = apart[:, 6:].argmax(1)
    assert len(set(alone[:5, 6:].argmax(1).tolist())) < 5, "by themselves some share an expert"
    assert spoke[:5].sort().values.tolist() == spoke[7:].sort().values.tolist() == list(range(5))
    assert spoke[5:7].tolist() == spoke[:2].tolist()
    assert torch.equal(spoke[[0, 7]], alone[[0, 7], 6:].argmax(1))
    assert torch.equal(alone[:, :6], apart[:, :6])
    assert torch.equal(alone.sort(1).values, apart.sort(1).values)
    emitted = experts(blueprints, apart).tokens
    torch.testing.assert_close(experts.generate(blueprints, seeds, apart=True).tokens, emitted)
    plain = make_generator("mlp", {"token_width": 4, "d": 16, "hidden": 24, "layers": 1, "latent": 6})
    assert torch.equal(plain.draw_apart(blueprints, seeds), plain.draw_latent(blueprints, seeds))
