"""The contract that every generator keeps, as a test class that a plug-in inherits.

    class TestMine(GeneratorContract):
        @pytest.fixture
        def generator(self):
            return MyGenerator(MyConfig(token_width=5))

A ``Fitted`` generator must come fitted from the fixture; ``small_collection`` has networks to fit it to.
"""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from generators.another_device import another_device
from generators.collection import Collection
from generators.folders import digest_of
from generators.generated import Generated
from generators.generator import Condition, Fitted, Generator
from generators.saving import from_pretrained, save_pretrained
from generators.tokens import LANES, WeightTokenizer
from search_spaces import Architecture, Blueprint, MLPSpace, WeightloomError
from search_spaces.architecture import Value

_SPAWNED = """
import json, sys
import torch
from generators.folders import digest_of
from generators.saving import from_pretrained
from search_spaces import Architecture, Blueprint
for line in sys.stdin:
    work = json.loads(line)
    torch.set_num_threads(work["threads"])
    blueprints = [Blueprint.of(Architecture.from_dict(each)) for each in work["architectures"]]
    out = from_pretrained(work["folder"]).generate(blueprints, work["seeds"], 0.5)
    tensors = {"tokens": out.tokens, "open_neurons": out.open_neurons, "gates": out.gates}
    print(digest_of(None, {name: tensor.cpu() for name, tensor in tensors.items()}), flush=True)
"""


def small_architectures() -> tuple[Architecture, ...]:
    """Multilayer perceptrons of differing depth, width, norm and wires: 6 inputs, 3 classes."""
    space = MLPSpace(inputs=6, outputs=3, depths=(0, 1, 2, 3), widths=(1, 2, 4, 5, 7))
    activations = ("relu", "tanh", "gelu")
    genomes: tuple[dict[str, Value], ...] = (
        {"norm": "none", "depth": 1, "width_1": 5},
        {
            "norm": "layer",
            "depth": 3,
            "width_1": 4,
            "width_2": 7,
            "width_3": 2,
            "skip_1": True,
            "skip_2": True,
        },
        {"norm": "none", "depth": 0},
        {"norm": "layer", "depth": 2, "width_1": 1, "width_2": 4, "skip_1": True},
    )
    return tuple(
        space.from_genome(g | {f"activation_{i + 1}": activations[i] for i in range(int(g["depth"]))}) for g in genomes
    )


def small_collection(tokenizer: WeightTokenizer, count: int = 12, seed: int = 0) -> Collection:
    """Random networks of small architectures with random scores, some with closed neurons and wires."""
    space = MLPSpace(inputs=6, outputs=3, depths=(1, 2, 3), widths=(2, 4, 5, 7), activations=("relu", "tanh"))
    rng = np.random.default_rng(seed)
    blueprints = [Blueprint.of(space.sample(rng)) for _ in range(count)]
    layout = tokenizer.batch(blueprints)
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(layout.used.shape, generator=random)
    dense = Generated.dense(tokenizer, layout, layout.centre + layout.scale * noise)
    closed = layout.maskable & (layout.neuron == 0) & (torch.arange(count)[:, None] % 3 == 0)
    closed &= (layout.neuron == 1).any(1, keepdim=True)
    networks = Generated(
        tokenizer=tokenizer,
        layout=layout,
        tokens=dense.tokens,
        open_neurons=dense.open_neurons * ~closed,
        gates=dense.gates * (torch.rand(dense.gates.shape, generator=random) > 0.3),
    )
    return Collection.of(networks, scores=torch.rand(count, generator=random))


class GeneratorContract:
    """Inherit, and give a fixture ``generator``; small settings make the tests quick.

    Class attributes:
        deterministic: True for a generator that emits the same whatever the seed.
    """

    deterministic: bool = False

    @pytest.fixture
    def generator(self) -> Generator:
        """The generator to be tested, fitted if it is ``Fitted``, on the CPU."""
        raise NotImplementedError("give the test class a fixture called generator")

    @pytest.fixture(scope="class")
    @classmethod
    def elsewhere(cls, request: pytest.FixtureRequest) -> subprocess.Popen[str]:
        """Another process with another hash seed; it takes saved generators and emits networks."""
        process = subprocess.Popen(
            [sys.executable, "-c", _SPAWNED],
            env={**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            process.kill()
            process.communicate()

        request.addfinalizer(end)  # noqa: PT021 - type checkers at run time do not take a generator here
        return process

    @pytest.fixture
    def blueprints(self) -> Sequence[Blueprint]:
        """What to emit: networks of differing depth and width."""
        return [Blueprint.of(architecture) for architecture in small_architectures()]

    def test_is_described(self, generator: Generator) -> None:
        """Name, kind, modes, settings and cost are stated."""
        kind = type(generator)
        assert kind.name
        assert kind.kind in ("family", "baseline")
        assert set(kind.modes) <= {"task", "zoo", "both"}
        assert bool(kind.modes) == (kind.kind == "family")
        assert isinstance(generator.config, kind.Config)
        assert generator.evaluations >= 0

    def test_emits_every_parameter(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Names and shapes are the blueprints', values are finite, and plain modules run with them."""
        generated = generator.generate(blueprints, range(len(blueprints)))
        assert generated.blueprints == tuple(blueprints)
        for i, blueprint in enumerate(blueprints):
            state = generated.state_dict(i)
            assert {name: tuple(t.shape) for name, t in state.items()} == {
                spec.name: spec.shape for spec in blueprint.parameters
            }
            assert all(bool(torch.isfinite(tensor).all()) for tensor in state.values())
            inputs = int(blueprint.architecture.nodes[0]["width"])
            assert bool(torch.isfinite(generated.network(i)(torch.randn(4, inputs))).all())

    def test_device_and_type(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Everything is float32, on the generator's device, and padding is zero."""
        generated = generator.generate(blueprints, range(len(blueprints)))
        for tensor in (generated.tokens, generated.open_neurons, generated.gates):
            assert tensor.dtype == torch.float32
            assert tensor.device == generator.device
            assert not tensor.requires_grad
        assert not bool(generated.tokens[~generated.layout.used].any())
        assert not bool(generated.open_neurons[~generated.layout.real].any())
        assert not bool(generated.gates[~generated.layout.edge_real].any())

    def test_what_it_makes_is_on_the_device_that_it_is_on(
        self, generator: Generator, blueprints: Sequence[Blueprint]
    ) -> None:
        """As on a GPU, but on any machine: nothing stays on the processor, see ``another_device``."""
        count = len(blueprints)
        with another_device() as device:
            moved = copy.deepcopy(generator).to(device)
            latent = moved.draw_latent(blueprints, range(count)).to(device)
            for density in (1.0, 0.5):
                generated = moved(blueprints, latent, Condition.uniform(count, density, device, weights=density))
                for tensor in (generated.tokens, generated.open_neurons, generated.gates):
                    assert tensor.device == device

    @pytest.mark.parametrize("density", [1.0, 0.5, 0.01])
    def test_connectivity(self, generator: Generator, blueprints: Sequence[Blueprint], density: float) -> None:
        """Masks and gates are 0 or 1, round(density x count) hidden neurons are open, and one of each node at least."""
        latent = generator.draw_latent(blueprints, range(len(blueprints))).to(generator.device)
        condition = Condition.uniform(len(blueprints), density, generator.device)
        generated = generator(blueprints, latent, condition)  # with gradients, as in training
        for values in (generated.open_neurons, generated.gates):
            assert set(values.unique().tolist()) <= {0.0, 1.0}
        for i, blueprint in enumerate(blueprints):
            neurons = generated.neurons(i)
            assert {name: len(mask) for name, mask in neurons.items()} == dict(blueprint.maskable)
            assert sum(int(mask.sum()) for mask in neurons.values()) == _budget(blueprint, density)
            assert all(bool(mask.any()) for mask in neurons.values())
            wires = {(edge.source, edge.target) for edge in blueprint.optional_edges}
            assert set(generated.wires(i)) == wires

    def test_mixed_conditions(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Each network has its own density."""
        pair = [blueprints[1], blueprints[1]]
        latent = generator.draw_latent(pair, [0, 0]).to(generator.device)
        mixed = torch.tensor([1.0, 0.5], device=generator.device)
        condition = Condition(density=mixed, weights=torch.ones_like(mixed))
        generated = generator(pair, latent, condition)
        for i, density in enumerate((1.0, 0.5)):
            assert sum(int(mask.sum()) for mask in generated.neurons(i).values()) == _budget(pair[0], density)

    @pytest.mark.parametrize(("weights", "density"), [(0.9, 1.0), (0.3, 1.0), (0.3, 0.5), (0.001, 1.0)])
    def test_sparse_weights(
        self, generator: Generator, blueprints: Sequence[Blueprint], weights: float, density: float
    ) -> None:
        """Exactly max(1, round(weights x count)) weights of open neurons are non-zero, and none of closed ones.

        Where a baseline has fewer than that to begin with, it keeps all of them.
        """
        pair = [blueprints[1], *blueprints]
        latent = generator.draw_latent(pair, range(len(pair))).to(generator.device)
        shares = torch.tensor([1.0, *[weights] * len(blueprints)], device=generator.device)
        densities = torch.full_like(shares, density)
        generated = generator(pair, latent, Condition(density=densities, weights=shares))
        dense = generator(pair, latent, Condition(density=densities, weights=torch.ones_like(shares)))
        layout = generated.layout
        counted = layout.used[..., LANES:] & (generated.open_neurons > 0.5)[..., None]
        left = (generated.tokens[..., LANES:] != 0).flatten(1).sum(1).tolist()
        nonzero = ((dense.tokens[..., LANES:] != 0) & counted).flatten(1).sum(1).tolist()
        assert torch.equal(generated.tokens[0], dense.tokens[0])
        for i, count in enumerate(counted.flatten(1).sum(1).tolist()):
            if i:
                wanted = min(count, max(1, round(weights * count)))
                assert left[i] == wanted or (generator.kind == "baseline" and left[i] == min(wanted, nonzero[i]))

    def test_same_seed_same_network(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Seeds decide everything: no global random state is read or moved, nor the mode changed."""
        seeds = [11, 12, 13, 2**62][: len(blueprints)]
        generator.train()
        before = torch.get_rng_state()
        first = generator.generate(blueprints, seeds)
        assert bool((torch.get_rng_state() == before).all())
        assert generator.training
        torch.manual_seed(99)
        generator.eval()
        _assert_equal(first, generator.generate(blueprints, seeds))

    def test_same_seed_in_another_process(
        self, generator: Generator, blueprints: Sequence[Blueprint], elsewhere: subprocess.Popen[str], tmp_path: Path
    ) -> None:
        """Saved and read by another process with another hash seed, it emits the same bits."""
        seeds = list(range(len(blueprints)))
        here = generator.generate(blueprints, seeds, 0.5)
        work = {
            "folder": str(save_pretrained(generator, tmp_path / "saved")),
            "architectures": [blueprint.architecture.to_dict() for blueprint in blueprints],
            "seeds": seeds,
            "threads": torch.get_num_threads(),
        }
        assert elsewhere.stdin is not None
        assert elsewhere.stdout is not None
        print(json.dumps(work), file=elsewhere.stdin, flush=True)
        tensors = {"tokens": here.tokens, "open_neurons": here.open_neurons, "gates": here.gates}
        ours = digest_of(None, {name: tensor.cpu() for name, tensor in tensors.items()})
        assert elsewhere.stdout.readline().strip() == ours

    def test_other_seed_other_network(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Different seeds give different weights, unless the generator is deterministic."""
        twice = [blueprints[1]] * 6
        tokens = generator.generate(twice, range(6)).tokens
        differ = any(not torch.equal(tokens[0], other) for other in tokens[1:])
        assert differ != self.deterministic

    def test_batch_equals_single(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """A network does not depend on its neighbours in the batch."""
        seeds = list(range(len(blueprints)))
        together = generator.generate(blueprints, seeds, 0.5, 0.4)
        for i, blueprint in enumerate(blueprints):
            alone = generator.generate([blueprint], [seeds[i]], 0.5, 0.4)
            part = together.select([i])
            torch.testing.assert_close(part.tokens, alone.tokens, atol=1e-4, rtol=1e-4)
            assert torch.equal(part.open_neurons, alone.open_neurons)
            assert torch.equal(part.gates, alone.gates)

    def test_save_and_load(self, generator: Generator, blueprints: Sequence[Blueprint], tmp_path: Path) -> None:
        """What was saved and loaded has the same settings and tensors and emits the same bits."""
        save_pretrained(generator, tmp_path / "saved")
        again = from_pretrained(tmp_path / "saved")
        assert type(again) is type(generator)
        assert again.config == generator.config
        old, new = generator.state_dict(), again.state_dict()
        assert old.keys() == new.keys()
        assert all(torch.equal(old[name], new[name]) for name in old)
        seeds = list(range(len(blueprints)))
        _assert_equal(generator.generate(blueprints, seeds, 0.5), again.generate(blueprints, seeds, 0.5))

    def test_gradient_reaches_every_parameter(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """A loss of weights, masks and gates moves every parameter of a family."""
        if generator.kind != "family":
            pytest.skip("baselines do not learn by gradient")
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():  # away from zeros that an untrained generator starts with
            for parameter in generator.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=random).to(parameter.device))
        generator.train()
        latent = generator.draw_latent(blueprints, range(len(blueprints))).to(generator.device)
        condition = Condition.uniform(len(blueprints), 0.5, generator.device)
        out = generator(blueprints, latent, condition)
        parts = (out.tokens, out.open_neurons, out.gates)
        loss = torch.stack(
            [(part * torch.randn(part.shape, generator=random).to(part.device)).sum() for part in parts]
        ).sum()
        loss.backward()
        for name, parameter in generator.named_parameters():
            assert parameter.grad is not None, name
            assert bool(torch.isfinite(parameter.grad).all()), name
            assert bool(parameter.grad.any()), name

    def test_gates_pass_gradient(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """Which wires to keep is learned: gates alone move some parameter."""
        if generator.kind != "family":
            pytest.skip("baselines do not learn by gradient")
        latent = generator.draw_latent(blueprints, range(len(blueprints))).to(generator.device)
        condition = Condition.uniform(len(blueprints), 0.5, generator.device)
        gates = generator(blueprints, latent, condition).gates
        (gates * torch.arange(1.0, 1.0 + gates.shape[1])).sum().backward()
        gradients = [p.grad for p in generator.parameters() if p.grad is not None]
        assert any(bool(gradient.any()) for gradient in gradients)

    def test_unknown_setting(self, generator: Generator) -> None:
        """A misspelt setting is an error that names it, and settings do not change afterwards."""
        with pytest.raises((WeightloomError, ValidationError), match="no_such_setting"):
            type(generator).Config.model_validate({"no_such_setting": 1})
        with pytest.raises(ValidationError):
            setattr(generator.config, "token_width", 3)  # noqa: B010 - a type checker would see it

    def test_wrong_number_of_latents(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """One latent for each blueprint, else an error that counts them."""
        latent = generator.draw_latent(blueprints[:2], [0, 1]).to(generator.device)
        with pytest.raises(WeightloomError, match="latents"):
            generator(blueprints[:1], latent)

    def test_suggests_allowed_settings(self, generator: Generator) -> None:
        """What it proposes to Optuna are settings that it takes."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        kind = type(generator)
        for _ in range(5):
            trial = study.ask()
            settings = kind.suggest(trial)
            kind.Config(**{**generator.config.model_dump(), **settings})
            assert all(name.startswith(f"{kind.name}.") for name in trial.params)
            study.tell(trial, 0.0)

    def test_unfitted_says_so(self, generator: Generator, blueprints: Sequence[Blueprint]) -> None:
        """A fitted generator that is asked before it was fitted says what to do."""
        if not isinstance(generator, Fitted):
            pytest.skip("it needs no fitting")
        fresh = type(generator)(generator.config)
        with pytest.raises(WeightloomError, match="fit"):
            fresh.generate(blueprints, range(len(blueprints)))

    def test_parameters_are_counted_once(self, generator: Generator) -> None:
        """No two parameters share memory, so that saved files hold each once."""
        places = [parameter.data_ptr() for parameter in generator.parameters()]
        assert len(set(places)) == len(places)
        assert math.isfinite(sum(float(p.detach().sum()) for p in generator.parameters()))


def _budget(blueprint: Blueprint, density: float) -> int:
    """How many hidden neurons are open."""
    return max(len(blueprint.maskable), round(density * sum(width for _, width in blueprint.maskable)))


def _assert_equal(first: Generated, second: Generated) -> None:
    assert torch.equal(first.tokens, second.tokens)
    assert torch.equal(first.open_neurons, second.open_neurons)
    assert torch.equal(first.gates, second.gates)
